"""From a phone's HTTP request to its device."""

from datetime import timedelta

from django.http import HttpRequest
from django.utils import timezone

from accounts.api.authentication import bearer_secret
from devices.models import Device, DeviceToken
from devices.services.presence import authenticate_device, record_contact

# A phone that reports text by text is not written down as alive with each of them.
LATELY = timedelta(seconds=5)


def authorize_phone(request: HttpRequest) -> DeviceToken:
    """The token that `request` carries, with its device and tenant; the request is a sign of life.

    Raises InvalidDeviceToken or TenantInactive.
    """
    secret = bearer_secret(request.META.get("HTTP_AUTHORIZATION", ""))
    token = authenticate_device(secret=secret)
    if not _was_heard_lately(token.device):
        record_contact(device=token.device, contact_seconds=None)
    return token


def _was_heard_lately(device: Device) -> bool:
    if not device.is_online or device.is_polling or device.last_seen_at is None:
        return False
    return device.last_seen_at > timezone.now() - LATELY
