"""The native bodies, byte for byte; no database."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from accounts.models import Tenant
from devices.models import Device
from messaging.models import Message
from webhooks.payloads import (
    AddressedFormat,
    AlertNotice,
    DeviceNotice,
    MessageNotice,
    TestNotice,
    UnsubscribedNotice,
    body_of,
)

AT = datetime(2026, 6, 12, 18, 40, 0, 123_456, tzinfo=UTC)
RECEIVED_AT = datetime(2026, 6, 12, 18, 39, tzinfo=UTC)
TENANT = Tenant(public_id=UUID(int=1), name="Acme “GmbH”")
DEVICE = Device(public_id=UUID(int=2), name="Counter phone")
TEN, DEV, MSG = "ten_" + "0" * 21 + "1", "dev_" + "0" * 21 + "2", "msg_" + "0" * 21 + "3"


def about(name: str, **more) -> MessageNotice:
    columns = {"sender": "+6581230000", "recipient": "+6598765432", **more.pop("columns", {})}
    message = Message(
        public_id=UUID(int=3),
        tenant=TENANT,
        created_at=RECEIVED_AT,
        segments=2,
        **{"device": DEVICE, **columns},
    )
    return MessageNotice(
        name=name, key="k", tenant=TENANT, at=AT, message=message, text="Héllo 👋", **more
    )


INBOUND = {
    "event": "message.received",
    "from": "+6581230000",
    "to": "+6598765432",
    "text": "Héllo 👋",
    "ref": "order-7",
    "receivedAt": "2026-06-12T18:39:00.000Z",
    "deviceId": DEV,
    "tenantId": TEN,
    "tenantName": "Acme “GmbH”",
}
OUTBOUND = {
    "event": "message.delivered",
    "from": "+6581230000",
    "to": "+6598765432",
    "text": "Héllo 👋",
    "ref": "order-7",
    "occurredAt": "2026-06-12T18:40:00.123Z",
    "deviceId": DEV,
    "tenantId": TEN,
    "tenantName": "Acme “GmbH”",
    "messageId": MSG,
    "status": "delivered",
    "segments": 2,
    "error": None,
    "errorCode": None,
    "metadata": {"cart": [1, 2]},
}


def items(body: str) -> list[tuple[str, object]]:
    """The fields in the order in which they are sent."""
    return list(msgspec.json.decode(body).items())


def test_inbound_body_is_the_contracts_with_the_message_id():
    notice = about("message.received", ref="order-7", matched_rule_id="rule_1")
    expected = {**INBOUND, "matchedRuleId": "rule_1", "messageId": MSG}
    assert items(body_of(notice, "native")) == list(expected.items())


def test_inbound_body_without_a_rule_has_no_key_for_it():
    notice = about("message.received", ref="order-7")
    assert items(body_of(notice, "native")) == list({**INBOUND, "messageId": MSG}.items())


def test_inbound_body_says_null_for_what_is_not_known():
    notice = about("message.received", columns={"recipient": "", "sender": "", "device": None})
    unknown = {"from": None, "to": None, "ref": None, "deviceId": None, "messageId": MSG}
    assert dict(items(body_of(notice, "native"))) == INBOUND | unknown


def test_outbound_body_has_the_same_envelope_and_the_outcome():
    notice = about("message.delivered", ref="order-7", columns={"metadata": {"cart": [1, 2]}})
    assert items(body_of(notice, "native")) == list(OUTBOUND.items())


@pytest.mark.parametrize(
    ("name", "status", "error", "code"),
    [
        ("message.sent", "sent", None, None),
        ("message.delivered", "delivered", None, None),
        ("message.failed", "failed", "No credit.", "no_credit"),
        ("message.expired", "expired", "No credit.", "no_credit"),
    ],
)
def test_outbound_body_tells_the_error_only_of_what_was_lost(name, status, error, code):
    columns = {"error": "No credit.", "error_code": "no_credit", "metadata": {"cart": [1, 2]}}
    fields = dict(items(body_of(about(name, ref="order-7", columns=columns), "native")))
    told = {"event": name, "status": status, "error": error, "errorCode": code}
    assert fields == OUTBOUND | told


def test_device_body():
    notice = DeviceNotice(name="device.offline", key="k", tenant=TENANT, at=AT, device=DEVICE)
    assert items(body_of(notice, "native")) == [
        ("event", "device.offline"),
        ("deviceId", DEV),
        ("nickname", "Counter phone"),
        ("occurredAt", "2026-06-12T18:40:00.123Z"),
        ("tenantId", TEN),
        ("tenantName", "Acme “GmbH”"),
    ]


@pytest.mark.parametrize(
    ("name", "ended"),
    [("device.alert", None), ("device.alert_ended", "2026-06-12T18:40:00.123Z")],
)
def test_alert_body_tells_when_it_began_and_when_it_was_over(name, ended):
    notice = AlertNotice(
        name=name,
        key="k",
        tenant=TENANT,
        at=AT,
        device=DEVICE,
        kind="battery_low",
        detail="Its battery is at 9 %.",
        raised_at=AT - timedelta(minutes=1),
    )
    assert items(body_of(notice, "native")) == [
        ("event", name),
        ("deviceId", DEV),
        ("nickname", "Counter phone"),
        ("kind", "battery_low"),
        ("detail", "Its battery is at 9 %."),
        ("raisedAt", "2026-06-12T18:39:00.123Z"),
        ("endedAt", ended),
        ("tenantId", TEN),
        ("tenantName", "Acme “GmbH”"),
    ]


def test_unsubscribed_body():
    notice = UnsubscribedNotice(
        name="contact.unsubscribed",
        key="k",
        tenant=TENANT,
        at=AT,
        number="+6581230000",
        source="keyword",
    )
    assert items(body_of(notice, "native")) == [
        ("event", "contact.unsubscribed"),
        ("from", "+6581230000"),
        ("source", "keyword"),
        ("occurredAt", "2026-06-12T18:40:00.123Z"),
        ("tenantId", TEN),
        ("tenantName", "Acme “GmbH”"),
    ]


def test_test_body_looks_like_an_inbound_one_and_says_that_it_is_a_test():
    notice = TestNotice(name="webhook.test", key="k", tenant=TENANT, at=AT)
    fields = dict(items(body_of(notice, "native")))
    assert list(fields) == [*INBOUND, "messageId"]
    assert fields["event"] == "webhook.test"
    assert fields["text"].startswith("This is a test")


def loud(notice) -> str:
    """A format, named in a test's settings."""
    return notice.name.upper()


def test_format_is_looked_up_by_name_and_unknown_ones_are_native(settings):
    notice = TestNotice(name="webhook.test", key="k", tenant=TENANT, at=AT)
    native = body_of(notice, "native")
    settings.WEBHOOK_FORMATS = {
        "native": "webhooks.payloads.native",
        "loud": "webhooks.tests.test_payloads.loud",
    }
    assert [body_of(notice, name) for name in ("loud", "native", "gone")] == [
        "WEBHOOK.TEST",
        native,
        native,
    ]


def addressed(notice, options) -> str | None:
    """The body of a format, named in a test's settings."""
    return f"{notice.name} for {options['id']}" if options.get("id") else None


def unsigned(*, tenant_id, secrets, timestamp, body) -> dict[str, str]:
    return {}


ADDRESSED = AddressedFormat(body=addressed, sign=unsigned)


def test_addressed_format_knows_the_endpoints_options(settings):
    notice = TestNotice(name="webhook.test", key="k", tenant=TENANT, at=AT)
    settings.WEBHOOK_FORMATS = {"theirs": "webhooks.tests.test_payloads.ADDRESSED"}
    assert body_of(notice, "theirs", '{"id": "a"}') == "webhook.test for a"
    assert body_of(notice, "theirs") is None
