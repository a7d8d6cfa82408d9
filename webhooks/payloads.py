"""What receivers are told, and the bodies in the native format.

`WEBHOOK_FORMATS` maps the name of a format to a dotted path: of a function that takes a Notice and
returns the body, as JSON, or of an AddressedFormat. Either is asked once for each event and format
(and, if addressed, endpoint); every try sends those bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol

import msgspec
from django.conf import settings
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from accounts.api.times import iso
from accounts.models import Tenant
from devices.models import Device
from messaging.models import Message

NATIVE = "native"
RECEIVED = "message.received"
TEST = "webhook.test"
ALERT_ENDED = "device.alert_ended"
TEST_TEXT = "This is a test: nobody sent this text. Your endpoint works."


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that receivers may hear of. `key` is the same for the same fact of a tenant."""

    name: str
    key: str
    tenant: Tenant
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageNotice(Notice):
    """About a message. `text` is here because the row of an inbound one may have none.

    `ref` is an outbound message's own, and for an inbound one that of the tenant's latest message
    to its sender; empty if there is none.
    """

    message: Message
    text: str
    ref: str = ""
    matched_rule_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceNotice(Notice):
    """About a phone."""

    device: Device


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertNotice(DeviceNotice):
    """About a trouble of a phone, a DeviceAlert.Kind; it began, or it is over since `at`."""

    kind: str
    detail: str
    raised_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribedNotice(Notice):
    """About a number that wants no more messages; `source` is an OptOut.Source."""

    number: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TestNotice(Notice):
    """Nothing happened: somebody tries an endpoint."""

    __test__ = False  # pytest takes it for tests


Options = Mapping[str, Any]


class Signer(Protocol):
    """What makes the headers with which a format proves who sent a body.

    `secrets` are the endpoint's, newest first; `timestamp` is that of the try, in Unix seconds.
    """

    def __call__(
        self, *, tenant_id: int, secrets: Sequence[str], timestamp: int, body: bytes
    ) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressedFormat:
    """A format whose bodies differ from endpoint to endpoint.

    `body` gets the endpoint's `options` too, and returns None for what that one is not to hear.
    The headers of `sign` go out beside the native ones.
    """

    body: Callable[[Notice, Options], str | None]
    sign: Signer


Format = Callable[[Notice], str] | AddressedFormat


def body_of(notice: Notice, format_name: str, options: str = "{}") -> str | None:
    """`notice` in the format of that name, or in the native one if no such format is known.

    None: an endpoint with such `options` (as JSON) does not hear of it.
    """
    known = format_named(format_name)
    if isinstance(known, AddressedFormat):
        return known.body(notice, msgspec.json.decode(options))
    return known(notice)


def native(notice: Notice) -> str:
    """The native contract's JSON. Named in `WEBHOOK_FORMATS`.

    message.received: event, from, to, text, ref, receivedAt, deviceId, tenantId, tenantName,
    matchedRuleId (absent if no rule matched), messageId. webhook.test: the same, made up.

    message.sent, .delivered, .failed, .expired, .canceled: event, from, to, text, ref, occurredAt,
    deviceId, tenantId, tenantName, messageId, status, segments, error, errorCode, metadata.
    `status` is the event's own, and so are the error and its code: null unless it failed or
    expired.

    device.online, .offline: event, deviceId, nickname, occurredAt, tenantId, tenantName.

    device.alert, .alert_ended: event, deviceId, nickname, kind, detail, raisedAt, endedAt (null in
    the first), tenantId, tenantName.

    contact.unsubscribed: event, from, source, occurredAt, tenantId, tenantName.

    Numbers, `ref` and ids that are not known are null.
    """
    return msgspec.json.encode({"event": notice.name, **_fields(notice)}).decode()


def _fields(notice: Notice) -> dict[str, Any]:
    match notice:
        case MessageNotice(name=name) if name == RECEIVED:
            return _inbound(notice)
        case MessageNotice():
            return _outbound(notice)
        case AlertNotice():
            return _alert(notice)
        case DeviceNotice(device=device):
            about = {"deviceId": device.external_id, "nickname": device.name}
            return about | {"occurredAt": iso(notice.at)} | _tenant(notice)
        case UnsubscribedNotice(number=number, source=source):
            about = {"from": number, "source": source}
            return about | {"occurredAt": iso(notice.at)} | _tenant(notice)
    return _made_up(notice)


def _inbound(notice: MessageNotice) -> dict[str, Any]:
    matched = {"matchedRuleId": notice.matched_rule_id} if notice.matched_rule_id else {}
    return {
        **_conversation(notice),
        "receivedAt": iso(notice.message.created_at),
        **_device(notice.message.device),
        **_tenant(notice),
        **matched,
        "messageId": notice.message.external_id,
    }


def _outbound(notice: MessageNotice) -> dict[str, Any]:
    message, status = notice.message, notice.name.removeprefix("message.")
    is_lost = status in ("failed", "expired")
    return {
        **_conversation(notice),
        "occurredAt": iso(notice.at),
        **_device(message.device),
        **_tenant(notice),
        "messageId": message.external_id,
        "status": status,
        "segments": message.segments,
        "error": message.error or None if is_lost else None,
        "errorCode": message.error_code or None if is_lost else None,
        "metadata": message.metadata,
    }


def _alert(notice: AlertNotice) -> dict[str, Any]:
    return {
        "deviceId": notice.device.external_id,
        "nickname": notice.device.name,
        "kind": notice.kind,
        "detail": notice.detail,
        "raisedAt": iso(notice.raised_at),
        "endedAt": iso(notice.at) if notice.name == ALERT_ENDED else None,
        **_tenant(notice),
    }


def _made_up(notice: Notice) -> dict[str, Any]:
    return {
        "from": "+12025550100",
        "to": "+12025550101",
        "text": TEST_TEXT,
        "ref": None,
        "receivedAt": iso(notice.at),
        "deviceId": None,
        **_tenant(notice),
        "messageId": None,
    }


def _conversation(notice: MessageNotice) -> dict[str, Any]:
    return {
        "from": notice.message.sender or None,
        "to": notice.message.recipient or None,
        "text": notice.text,
        "ref": notice.ref or None,
    }


def _device(device: Device | None) -> dict[str, Any]:
    return {"deviceId": device.external_id if device else None}


def _tenant(notice: Notice) -> dict[str, Any]:
    return {"tenantId": notice.tenant.external_id, "tenantName": notice.tenant.name}


@cache
def format_named(name: str) -> Format:
    """The format of that name, or the native one."""
    path = settings.WEBHOOK_FORMATS.get(name) or settings.WEBHOOK_FORMATS[NATIVE]
    known: Format = import_string(path)
    return known


def _forget(**_: Any) -> None:
    format_named.cache_clear()


setting_changed.connect(_forget, dispatch_uid="webhooks.payloads")
