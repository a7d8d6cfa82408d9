"""Refusals as the app understands them.

It shows `message` to the person who pairs. 401 makes it forget its registration and make a new one,
so nothing but an unknown code or token is that; all else it tries again later. (Of a wrongly signed
event too, which it posts elsewhere, it only tries again.)
"""

from __future__ import annotations

from django.http import HttpResponse

from accounts.api.views import json_response
from accounts.errors import GatewayError, TenantInactive
from devices.errors import InvalidDeviceToken, InvalidPairingCode

# Seconds until a suspended account's phone should ask again.
ASK_AGAIN_AFTER = 300
_STATUSES: dict[type[GatewayError], int] = {
    InvalidPairingCode: 401,
    InvalidDeviceToken: 401,
    TenantInactive: 503,
}


class NotSupported(GatewayError):
    code = "not_supported"
    status = 501
    default_message = "Pair this phone with a code from the dashboard."


class NotPaired(InvalidDeviceToken):
    """Whoever registers without a code, as the app does by itself when its token is refused."""

    default_message = "This gateway pairs phones by code. Make one in the dashboard: Pair a phone."


class InvalidSignature(GatewayError):
    code = "invalid_signature"
    status = 401
    default_message = "The signature or its time is wrong. The phone has to fetch its settings."


def refusal(error: GatewayError) -> HttpResponse:
    """`error` as an answer: `{"message": …}`."""
    kinds = (status for kind, status in _STATUSES.items() if isinstance(error, kind))
    answer = json_response({"message": error.message}, status=next(kinds, error.status))
    for name, value in error.headers.items():
        answer[name] = value
    if isinstance(error, TenantInactive):
        answer["Retry-After"] = str(ASK_AGAIN_AFTER)
    return answer
