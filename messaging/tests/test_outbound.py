"""Accepting messages: one commit, one insert, one result for each draft."""

import uuid
from datetime import timedelta

import pytest
from django.db import DataError, transaction
from django.utils import timezone

from accounts.errors import GatewayError, InvalidInput
from accounts.models import Tenant
from accounts.tests.factories import TenantFactory
from devices.tests.factories import DeviceFactory, SimFactory
from devices.wakeup import nudge
from messaging.errors import NoActiveDevice
from messaging.models import Message, MessageEvent
from messaging.services.outbound import Queued, queue_batch, queue_message
from messaging.tests import policies
from messaging.tests.factories import draft
from messaging.tests.nudges import listening_for

pytestmark = pytest.mark.django_db

API = Message.Origin.API


@pytest.fixture
def device():
    return DeviceFactory()


def _queue(tenant: Tenant, *drafts) -> list[Queued | GatewayError]:
    return queue_batch(tenant=tenant, drafts=drafts, origin=API)


def _codes(results: list) -> list[str]:
    """Statuses of what was accepted, codes of what was not."""
    return [r.code if isinstance(r, GatewayError) else r.status for r in results]


def test_results_are_in_order_and_a_bad_draft_does_not_stop_the_others(device):
    results = _queue(
        device.tenant,
        draft("+6581230001"),
        draft("none"),
        draft("81230002", ref="b"),
        draft("+6581230003", text=""),
        draft("+6581230004", device_id=uuid.uuid4()),
        draft("+6581230005"),
    )
    assert _codes(results) == [
        "queued",
        "validation_error",
        "queued",
        "validation_error",
        "validation_error",
        "queued",
    ]
    stored = Message.objects.order_by("id")
    good = [result for result in results if isinstance(result, Queued)]
    assert [m.public_id for m in stored] == [result.public_id for result in good]
    assert [m.recipient for m in stored] == ["+6581230001", "+6581230002", "+6581230005"]
    assert [m.ref for m in stored] == ["", "b", ""]
    assert [issue.path for issue in results[1].issues] == ["to"]


def test_batch_of_bad_drafts_stores_nothing(device):
    assert _codes(_queue(device.tenant, draft("x"), draft("y"))) == ["validation_error"] * 2
    assert _queue(device.tenant) == []
    assert Message.objects.count() == 0


def test_text_that_cannot_be_stored_is_refused_alone(device):
    texts = ["NUL \x00", "surrogate \ud800", "both 🙂"]
    results = _queue(device.tenant, *(draft(text=text) for text in texts))
    assert _codes(results) == ["validation_error", "validation_error", "queued"]
    assert [(i.path, i.code) for r in results[:2] for i in r.issues] == [
        ("text", "invalid_characters")
    ] * 2


@pytest.mark.parametrize(
    ("callback", "sentence"),
    [
        ("ftp://example.com/x", "Start the URL with https:// or http://."),
        (
            "http://127.0.0.1/x",
            "Use a public address: 127.0.0.1 is in a private or reserved network.",
        ),
    ],
)
def test_callback_that_must_not_be_called_is_refused(device, callback, sentence):
    (result,) = _queue(device.tenant, draft(callback=callback))
    assert [(i.path, i.code, i.message) for i in result.issues] == [
        ("callback", "invalid_url", sentence)
    ]


@pytest.mark.parametrize("count", [1, 500])
@pytest.mark.parametrize(("phones", "queries"), [(1, 3), (3, 5)])
def test_number_of_queries_does_not_grow_with_the_batch(
    device, count, phones, queries, django_assert_num_queries
):
    for _ in range(phones - 1):
        DeviceFactory(tenant=device.tenant)
    drafts = [draft(f"+65812{n:05}", text=f"Text {n}", ref=f"r{n}") for n in range(count)]
    with django_assert_num_queries(queries):
        _queue(device.tenant, *drafts)
    assert Message.objects.count() == count
    assert list(Message.objects.order_by("id").values_list("recipient", "text", "ref")) == [
        (f"+65812{n:05}", f"Text {n}", f"r{n}") for n in range(count)
    ]
    assert MessageEvent.objects.filter(kind="queued", key="queued").count() == count


def test_row_holds_what_was_asked_for(device):
    SimFactory(device=device, slot=2)
    later = timezone.now() + timedelta(hours=2)
    asked = draft(
        text="Grüße 🙂",
        ref="order-1",
        callback="https://example.com/hook",
        device_id=device.public_id,
        sim_slot=2,
        lane=Message.Lane.URGENT,
        expires_at=later,
        metadata={"a": [1, {"b": "ü"}]},
        is_test=True,
    )
    (queued,) = _queue(device.tenant, asked)
    message = Message.objects.get()
    assert (message.public_id, message.tenant, message.direction, message.origin) == (
        queued.public_id,
        device.tenant,
        "outbound",
        "api",
    )
    assert (message.text, message.encoding, message.segments) == ("Grüße 🙂", "ucs2", 1)
    assert (message.ref, message.callback) == ("order-1", "https://example.com/hook")
    assert (message.device, message.is_pinned, message.sim_slot) == (device, True, 2)
    assert (message.lane, message.expires_at, message.is_test) == (0, later, True)
    assert (message.metadata, message.attempt, message.leases) == ({"a": [1, {"b": "ü"}]}, 1, 0)


def test_message_is_valid_for_a_day_unless_asked_otherwise(device, settings):
    settings.MESSAGE_VALIDITY_SECONDS = 86_400
    now = timezone.now()
    tomorrow, past = now + timedelta(days=1), now - timedelta(days=3)
    _queue(device.tenant, draft(), draft(send_at=tomorrow), draft(send_at=past))
    days = [
        round((expires_at - now) / timedelta(days=1), 2)
        for expires_at in Message.objects.order_by("id").values_list("expires_at", flat=True)
    ]
    assert days == [1, 2, 1]


def test_message_for_later_is_scheduled_without_a_phone_even_if_none_is_online():
    device = DeviceFactory(last_seen_at=None)
    later = timezone.now() + timedelta(hours=1)
    asked = [draft(send_at=later), draft(send_at=later, device_id=device.public_id)]
    asked.append(draft(send_at=timezone.now() - timedelta(hours=1), hold=True))
    assert _codes(_queue(device.tenant, *asked)) == ["scheduled", "scheduled", "queued"]
    stored = Message.objects.order_by("id").values_list("status", "send_at", "device", "is_pinned")
    assert list(stored) == [
        ("scheduled", later, None, False),
        ("scheduled", later, device.pk, True),
        ("queued", asked[2].send_at, None, False),
    ]
    assert [event.kind for event in MessageEvent.objects.all()] == ["scheduled"] * 2 + ["queued"]


@pytest.mark.parametrize("by_default", [False, True])
@pytest.mark.parametrize("hold", [None, False, True])
def test_without_a_phone_the_request_decides_and_else_the_tenant(by_default, hold):
    tenant = TenantFactory(hold_when_offline=by_default)
    is_held = by_default if hold is None else hold
    expected = "queued" if is_held else "no_active_device_for_tenant"
    assert _codes(_queue(tenant, draft(hold=hold))) == [expected]
    assert Message.objects.filter(status="queued", device=None).count() == int(is_held)


def test_single_message_raises_what_a_batch_returns(device):
    with pytest.raises(InvalidInput):
        queue_message(tenant=device.tenant, draft=draft("x"), origin=API)
    with pytest.raises(NoActiveDevice):
        queue_message(tenant=TenantFactory(), draft=draft(), origin=API)
    queued = queue_message(tenant=device.tenant, draft=draft(), origin=API)
    assert Message.objects.get().public_id == queued.public_id


def test_policies_see_the_good_drafts_at_once_and_may_refuse_some(device, settings):
    policies.seen.clear()
    settings.MESSAGE_POLICIES = [
        "messaging.tests.policies.refuse_expensive",
        "messaging.tests.policies.look",
    ]
    drafts = [draft("+6581230001"), draft("x"), draft("+6581230002", text="a" * 161), draft()]
    results = _queue(device.tenant, *drafts)
    assert _codes(results) == ["queued", "validation_error", "insufficient_credit", "queued"]
    assert policies.seen == [["+6581230001", "+6581230000"]]


@pytest.mark.django_db(transaction=True)
def test_what_a_policy_wrote_is_undone_when_the_messages_cannot_be_stored(settings):
    settings.MESSAGE_POLICIES = ["messaging.tests.policies.take_note"]
    device = DeviceFactory(tenant__name="Alice's shop")
    with pytest.raises(DataError):
        _queue(device.tenant, draft(), draft(lane=1 << 20))
    assert (Tenant.objects.get().name, Message.objects.count()) == ("Alice's shop", 0)


def test_phone_is_woken_once_and_only_after_the_commit(device, django_capture_on_commit_callbacks):
    idle = DeviceFactory()
    with listening_for(device, idle) as listener:
        with django_capture_on_commit_callbacks() as callbacks:
            _queue(device.tenant, *[draft()] * 50)
        nudge([(idle.tenant_id, idle.pk)])
        assert listener.next() == idle.pk  # so nothing had been sent before
        (wake,) = callbacks
        wake()
        assert listener.next() == device.pk
        nudge([(idle.tenant_id, idle.pk)])
        assert listener.next() == idle.pk  # nor was anything sent twice


def test_rolled_back_batch_leaves_nothing_and_wakes_nobody(
    device, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as callbacks, transaction.atomic():
        _queue(device.tenant, draft(), draft())
        transaction.set_rollback(True)
    assert (callbacks, Message.objects.count(), MessageEvent.objects.count()) == ([], 0, 0)
