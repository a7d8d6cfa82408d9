"""Who calls: the phone behind the token of a request."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from django.http import HttpRequest

from accounts.api.authentication import credentials
from devices.errors import InvalidDeviceToken, InvalidPairingCode
from devices.models import DeviceToken
from devices.services.pairing import CODE_DIGITS
from devices.services.presence import authenticate_device, find_token
from integrations.phones.smsgate.errors import NotPaired
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.versions import app_version

# SQL for the same reason as in devices/tokens.py.
_APP = "SELECT * FROM smsgate_pairedapp WHERE device_id = %s"


class Caller(NamedTuple):
    """A paired phone, the key of its token, and the version of its app as far as is known."""

    app: PairedApp
    token_id: int
    version: str


def authenticate(request: HttpRequest) -> Caller:
    """The phone that calls. Raises InvalidDeviceToken or TenantInactive."""
    return _caller(request, authenticate_device)


def recognise(request: HttpRequest) -> Caller:
    """As `authenticate`, but a suspended account's phone too: what it tells is not refused."""
    return _caller(request, find_token)


def pairing_digits(request: HttpRequest) -> str:
    """The code of `Authorization: Code 12345678`.

    Raises NotPaired for any other way to register, and InvalidPairingCode for what is no code.
    """
    scheme, value = credentials(request)
    if scheme != "code":
        raise NotPaired
    digits = value.replace(" ", "")
    if len(digits) != CODE_DIGITS or not (digits.isascii() and digits.isdigit()):
        raise InvalidPairingCode(f"The pairing code has {CODE_DIGITS} digits.")
    return digits


def version_told(request: HttpRequest) -> str:
    """The version in the request's `User-Agent`, or nothing."""
    return app_version(request.META.get("HTTP_USER_AGENT", ""))


def _caller(request: HttpRequest, find: Callable[..., DeviceToken]) -> Caller:
    scheme, secret = credentials(request)
    if scheme != "bearer" or not secret:
        raise InvalidDeviceToken
    token = find(secret=secret)
    app = next(iter(PairedApp.objects.raw(_APP, [token.device_id])), None)
    if app is None:  # another kind of phone's token
        raise InvalidDeviceToken
    app.device = token.device
    return Caller(app, token.pk, version_told(request) or app.app_version)
