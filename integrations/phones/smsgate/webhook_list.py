"""Where the phone posts what happens on it: `GET /webhooks`, which replaces all that it had."""

from __future__ import annotations

import msgspec
from django.conf import settings

from accounts.secrets import keyed_hash
from devices.models import Device
from integrations.phones.smsgate.signatures import path_secret
from integrations.phones.smsgate.versions import Feature, has
from integrations.phones.smsgate.wire_ids import wire_device_id

MOUNTED_AT = "/api/mobile/v1"
# Event -> the end of its id, which must stay: a new one makes the app notify its user; and what an
# app has to have, as one event that it does not know spoils the whole list.
_EVENTS: tuple[tuple[str, str, Feature | None], ...] = (
    ("sms:received", "rx", None),
    ("sms:data-received", "data", None),
    ("mms:downloaded", "mms", Feature.MMS_DOWNLOADED),
    ("system:ping", "ping", None),
    ("app:started", "start", Feature.APP_STARTED),
)


class WebhookOut(msgspec.Struct, rename="camel"):
    """One event of one URL; `device_id` null = of this phone."""

    id: str
    device_id: None
    url: str
    event: str


def webhook_list(device: Device, version: str) -> list[WebhookOut]:
    """All that an app of this version can tell and we want to know."""
    wire_id = wire_device_id(device)
    url = f"{settings.PUBLIC_URL}{MOUNTED_AT}/in/{wire_id}/{path_secret(device)}"
    return [
        WebhookOut(f"{wire_id}-{ending}", None, url, event)
        for event, ending, feature in _EVENTS
        if feature is None or has(version, feature)
    ]


def webhooks_hash(device: Device, version: str) -> str:
    """Changes when the list does."""
    return keyed_hash(msgspec.json.encode(webhook_list(device, version)).decode())
