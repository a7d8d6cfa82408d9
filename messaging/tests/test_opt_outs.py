"""Opting out: by keyword and by hand, and what becomes of what was queued already."""

from datetime import timedelta
from functools import partial

import pytest
import time_machine
from django.db import transaction
from django.utils import timezone

from accounts.errors import GatewayError
from accounts.models import Tenant
from accounts.tests.factories import bearer
from devices.models import Device
from devices.tests.factories import DeviceFactory, SimFactory
from messaging.errors import RecipientOptedOut
from messaging.events import ContactUnsubscribed, MessageFailed
from messaging.models import KeywordSettings, Message, OptOut
from messaging.queries import devices_with_due_work
from messaging.services.inbound import InboundText, receive_message
from messaging.services.leases import Lease
from messaging.services.opt_outs import opt_in, opt_out
from messaging.services.outbound import queue_batch, queue_message
from messaging.services.sweeps import queue_scheduled
from messaging.tests import listening, policies, reacting
from messaging.tests.factories import MessageFactory, draft
from messaging.tests.nudges import listening_for
from messaging.tests.phone import Phone
from messaging.tests.threads import at_once

pytestmark = pytest.mark.django_db

NUMBER, OTHER = "+6581230000", "+6581239999"
API, KEYWORD = Message.Origin.API, Message.Origin.KEYWORD


@pytest.fixture(autouse=True)
def rules(published, settings):
    """What the rules were asked."""
    settings.INBOUND_RULES = ["messaging.tests.reacting.look"]
    reacting.asked.clear()
    return reacting.asked


@pytest.fixture
def phone():
    return Phone(tenant__name="Alice's shop")


@pytest.fixture
def tenant(phone):
    return phone.device.tenant


@pytest.fixture
def receive(phone):
    """A function that receives a text on the phone; each is a new one."""
    keys = iter(range(1000))

    def receive(text: str, sender: str = NUMBER, device: Device | None = None) -> Message | None:
        told = InboundText(str(next(keys)), sender, text)
        return receive_message(device=device or phone.device, inbound=told)

    return receive


def _stop(tenant: Tenant, number: str = NUMBER) -> bool:
    return opt_out(tenant=tenant, number=number, source=OptOut.Source.API)


def _answers() -> list[str]:
    return [message.text for message in Message.objects.filter(origin=KEYWORD).order_by("id")]


def _told() -> list[tuple]:
    """Names of the events, with what is particular to each."""
    return [
        (event.name, getattr(event, "keyword", ""), getattr(event, "number", ""))
        for event in listening.heard
    ]


STOPPED = "Alice's shop: You will get no more messages from us. Reply START to get them again."
RESUMED = "Alice's shop: You will get our messages again. Reply STOP to end them, HELP for help."
HELP = "Alice's shop: Reply STOP to get no more messages, START to get them again."


# --- Keywords ---------------------------------------------------------------------------------


def test_stop_opts_its_sender_out_is_confirmed_and_seen_by_no_rule(phone, tenant, receive, rules):
    message = receive(" Stop! ")
    row = OptOut.objects.get()
    assert (row.tenant, row.number, row.source) == (tenant, NUMBER, "keyword")
    answer = Message.objects.get(origin=KEYWORD)
    assert (answer.recipient, answer.text, answer.lane) == (NUMBER, STOPPED, 0)
    assert (answer.device, answer.is_pinned, answer.status) == (phone.device, False, "queued")
    assert rules == []
    assert _told() == [("contact.unsubscribed", "", NUMBER), ("message.received", "stop", "")]
    assert [event.kind for event in message.events.all()] == ["received", "opted_out"]
    assert [offer.text for offer in phone.pull().offers] == [STOPPED]


def test_stop_twice_is_confirmed_and_announced_once(receive):
    receive("STOP")
    receive("STOP")
    assert (OptOut.objects.count(), _answers()) == (1, [STOPPED])
    assert [name for name, *_ in _told()] == [
        "contact.unsubscribed",
        "message.received",
        "message.received",
    ]


def test_report_of_stop_that_is_repeated_after_start_changes_nothing(phone, receive):
    stop = InboundText("the same", NUMBER, "STOP")
    receive_message(device=phone.device, inbound=stop)
    receive("START")
    assert receive_message(device=phone.device, inbound=stop) is None
    assert (OptOut.objects.count(), _answers()) == (0, [STOPPED, RESUMED])


def test_start_resumes_and_is_confirmed_when_there_was_something_to_resume(tenant, receive):
    receive("start")
    receive("STOP")
    receive("start")
    receive("unstop")
    assert (OptOut.objects.count(), _answers()) == (0, [STOPPED, RESUMED])
    assert queue_message(tenant=tenant, draft=draft(NUMBER), origin=API).status == "queued"


def test_help_is_answered_each_time_even_to_who_opted_out(receive, rules):
    receive("HELP")
    receive("STOP")
    receive("help?")
    assert (_answers(), rules) == ([HELP, STOPPED, HELP], [])
    assert [keyword for _, keyword, _ in _told() if keyword] == ["help", "stop", "help"]


def test_two_machines_that_answer_each_other_fall_silent_for_the_hour(receive):
    for _ in range(9):
        receive("INFO")
    assert len(_answers()) == 5
    receive("INFO", sender=OTHER)
    assert len(_answers()) == 6
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        receive("INFO")
    assert len(_answers()) == 7


def test_opt_out_counts_however_often_it_was_answered(receive):
    for _ in range(5):
        receive("HELP")
    receive("STOP")
    assert (OptOut.objects.count(), len(_answers())) == (1, 5)


@pytest.mark.parametrize("sender", ["DBS-Bank", "72227"])
def test_sender_that_cannot_be_answered_is_opted_out_all_the_same(receive, sender):
    receive("STOP", sender=sender)
    receive("HELP", sender=sender)
    assert ([row.number for row in OptOut.objects.all()], _answers()) == ([sender], [])


def test_withheld_number_opts_nobody_out(receive):
    receive("STOP", sender="")
    assert (OptOut.objects.count(), _answers()) == (0, [])


def test_stop_to_a_suspended_tenant_counts_and_is_not_answered(tenant, receive):
    Tenant.objects.update(status=Tenant.Status.SUSPENDED)
    receive("STOP")
    receive("HELP")
    assert (OptOut.objects.count(), _answers()) == (1, [])


def test_stop_that_may_not_be_kept_counts(receive):
    Tenant.objects.update(keep_inbound=False)
    message = receive("STOP")
    message.refresh_from_db()
    assert (message.text, OptOut.objects.count(), _answers()) == ("", 1, [STOPPED])


def test_settings_of_the_tenant_choose_languages_words_and_texts(tenant, receive, rules):
    KeywordSettings.objects.create(
        tenant=tenant,
        languages=["de", "fr"],
        stop_words=["Schluss"],
        help_text="{{tenantName}}: +65 6123 0000",
    )
    assert receive("UNSUBSCRIBE") and len(rules) == 1  # English is not chosen
    receive("schluss.")
    receive("Reprendre")
    receive("Aide")
    assert _answers() == [
        "Alice's shop: Sie erhalten keine Nachrichten mehr von uns. Mit START erhalten Sie sie"
        " wieder.",
        "Alice's shop: Sie erhalten wieder Nachrichten von uns. Mit STOP enden sie, mit HILFE"
        " erhalten Sie Hilfe.",
        "Alice's shop: +65 6123 0000",
    ]


def test_answer_goes_out_through_the_phone_of_the_conversation(phone, receive):
    change = Device.objects.filter(pk=phone.device.pk)
    change.update(is_default=True)
    other = DeviceFactory(tenant=phone.device.tenant)
    receive("HELP", device=other)
    assert Message.objects.get(origin=KEYWORD).device == other


@pytest.mark.parametrize(("kind", "is_test"), [("simulated", True), ("android", False)])
def test_what_came_through_a_simulated_phone_is_answered_by_one(receive, kind, is_test):
    receive("HELP", device=DeviceFactory(kind=kind))
    assert Message.objects.get(origin=KEYWORD).is_test == is_test


def test_answer_waits_when_no_phone_is_online(receive):
    Device.objects.update(last_seen_at=None)
    device = DeviceFactory(last_seen_at=None)
    receive("STOP", device=device)
    answer = Message.objects.get(origin=KEYWORD)
    assert (answer.status, answer.device) == ("queued", None)


def test_answer_that_a_policy_refuses_does_not_hold_the_text_up(receive, settings, tenant):
    settings.MESSAGE_POLICIES = ["messaging.tests.policies.refuse_expensive"]
    KeywordSettings.objects.create(tenant=tenant, stop_text="x" * 161)
    assert receive("STOP") is not None
    assert (OptOut.objects.count(), _answers()) == (1, [])


# --- Queueing ---------------------------------------------------------------------------------


def test_single_message_to_who_opted_out_is_refused(tenant):
    _stop(tenant)
    with pytest.raises(RecipientOptedOut) as refused:
        queue_message(tenant=tenant, draft=draft("8123 0000"), origin=API)
    assert (refused.value.code, refused.value.status) == ("recipient_opted_out", 400)
    assert [(issue.path, issue.code) for issue in refused.value.issues] == [
        ("to", "recipient_opted_out")
    ]
    assert Message.objects.count() == 0


def test_api_answers_with_the_error_and_where_it_is(tenant, client):
    _stop(tenant)
    body = {"to": NUMBER, "text": "Hello"}
    headers = bearer(tenant)
    answer = client.post("/v1/messages", body, "application/json", headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "recipient_opted_out")
    assert [issue["path"] for issue in answer.json()["issues"]] == ["to"]
    batch = {"messages": [body, {**body, "to": OTHER}]}
    answer = client.post("/v1/messages/batch", batch, "application/json", headers=headers)
    refused, accepted = answer.json()["data"]
    assert (answer.status_code, refused["error"], accepted["status"]) == (
        202,
        "recipient_opted_out",
        "queued",
    )


def test_others_of_the_batch_go_on_and_policies_do_not_see_the_refused(tenant, settings):
    settings.MESSAGE_POLICIES = ["messaging.tests.policies.look"]
    policies.seen.clear()
    _stop(tenant)
    drafts = [draft(OTHER), draft(NUMBER), draft("x"), draft("8123 0000"), draft(OTHER)]
    results = queue_batch(tenant=tenant, drafts=drafts, origin=API)
    assert [r.code if isinstance(r, GatewayError) else r.status for r in results] == [
        "queued",
        "recipient_opted_out",
        "validation_error",
        "recipient_opted_out",
        "queued",
    ]
    assert policies.seen == [[OTHER, OTHER]]


def test_scheduled_message_to_who_opted_out_is_refused(tenant):
    _stop(tenant)
    later = draft(NUMBER, send_at=timezone.now() + timedelta(days=1))
    (result,) = queue_batch(tenant=tenant, drafts=[later], origin=API)
    assert result.code == "recipient_opted_out"


@pytest.mark.parametrize("origin", sorted(set(Message.Origin) - {KEYWORD}))
def test_every_origin_but_keyword_is_refused(tenant, origin):
    _stop(tenant)
    (result,) = queue_batch(tenant=tenant, drafts=[draft(NUMBER)], origin=origin)
    assert result.code == "recipient_opted_out"


def test_other_tenants_send_on(tenant):
    other = DeviceFactory().tenant
    message = MessageFactory(device=other.devices.get(), tenant=other, recipient=NUMBER)
    _stop(tenant)
    assert queue_message(tenant=other, draft=draft(NUMBER), origin=API).status == "queued"
    message.refresh_from_db()
    assert message.status == "queued"
    assert len(Phone(other.devices.get()).pull().offers) == 2


# --- What is queued already -------------------------------------------------------------------


@pytest.mark.parametrize("status", ["queued", "scheduled"])
def test_what_waits_fails_and_says_why(phone, tenant, status):
    message, other = phone.queue(recipient=NUMBER, status=status), phone.queue(recipient=OTHER)
    assert _stop(tenant) is True
    message.refresh_from_db()
    other.refresh_from_db()
    assert (message.status, message.error_code, message.error) == (
        "failed",
        "recipient_opted_out",
        "The recipient has opted out.",
    )
    assert other.status == "queued"
    assert [(event.kind, event.key) for event in message.events.all()] == [
        ("opted_out", "1.opted_out")
    ]
    at = message.failed_at
    assert listening.heard == [
        MessageFailed(tenant.pk, message.pk, at),
        ContactUnsubscribed(tenant.pk, NUMBER, "api", at),
    ]


@pytest.mark.parametrize("status", ["leased", "accepted"])
def test_what_a_phone_has_is_asked_back(phone, tenant, status, django_capture_on_commit_callbacks):
    message = phone.queue(recipient=NUMBER, **{status: True})
    with listening_for(phone.device) as listener:
        with django_capture_on_commit_callbacks(execute=True):
            _stop(tenant)
        assert listener.next() == phone.device.pk
    message.refresh_from_db()
    assert (message.status, message.cancel_requested_at is None) == (status, False)
    assert phone.pull().cancels == [message.attempt_id]
    phone.tell("released", message)
    assert message.status == "canceled"


@pytest.mark.parametrize("status", ["sent", "delivered", "failed", "expired", "unknown"])
def test_what_left_or_ended_stays(phone, tenant, status):
    message = phone.queue(recipient=NUMBER, status=status)
    _stop(tenant)
    message.refresh_from_db()
    assert (message.status, message.cancel_requested_at) == (status, None)


def test_answer_to_a_keyword_is_not_ended(phone, tenant):
    answer = phone.queue(recipient=NUMBER, origin=KEYWORD)
    _stop(tenant)
    assert [offer.attempt_id for offer in phone.pull().offers] == [answer.attempt_id]


def test_inbound_texts_of_the_number_stay(phone, tenant):
    message = MessageFactory(device=phone.device, tenant=tenant, inbound=True, sender=NUMBER)
    _stop(tenant)
    message.refresh_from_db()
    assert message.status == "received"


def test_opting_out_twice_is_announced_once_and_still_ends_what_slipped_in(phone, tenant):
    assert _stop(tenant) is True
    message = phone.queue(recipient=NUMBER)
    assert _stop(tenant) is False
    message.refresh_from_db()
    assert message.status == "failed"
    assert [name for name, *_ in _told()] == ["contact.unsubscribed", "message.failed"]
    assert OptOut.objects.get().source == "api"


def test_opting_in_says_whether_there_was_an_opt_out_and_is_of_one_tenant(tenant):
    other = DeviceFactory().tenant
    _stop(tenant)
    _stop(other)
    assert [opt_in(tenant=tenant, number=n) for n in (OTHER, NUMBER, NUMBER)] == [
        False,
        True,
        False,
    ]
    assert OptOut.objects.get().tenant == other


def test_opt_out_that_is_rolled_back_leaves_everything(phone, tenant):
    message = phone.queue(recipient=NUMBER)
    with transaction.atomic():
        _stop(tenant)
        transaction.set_rollback(True)
    message.refresh_from_db()
    assert (message.status, OptOut.objects.count()) == ("queued", 0)


# --- Leasing, the strict net ------------------------------------------------------------------


def _write_opt_out(tenant: Tenant, number: str = NUMBER) -> None:
    """As if it came between queueing and leasing: nothing else is done."""
    OptOut.objects.create(tenant=tenant, number=number, source="api")


def test_message_whose_recipient_opted_out_since_it_was_queued_is_never_offered(phone, tenant):
    message, other = phone.queue(recipient=NUMBER), phone.queue(recipient=OTHER)
    _write_opt_out(tenant)
    lease = phone.pull()
    assert [offer.attempt_id for offer in lease.offers] == [other.attempt_id]
    assert lease.again_in_seconds == 0
    message.refresh_from_db()
    assert (message.status, message.error_code, message.leased_at) == (
        "failed",
        "recipient_opted_out",
        None,
    )
    assert [event.kind for event in message.events.all()] == ["opted_out"]
    assert [(event.name, event.message_id) for event in listening.heard] == [
        ("message.failed", message.pk)
    ]


def test_stop_between_queueing_and_leasing_is_honoured(phone, tenant, receive):
    queue_message(tenant=tenant, draft=draft(NUMBER, text="Sale!"), origin=API)
    receive("STOP")
    assert [offer.text for offer in phone.pull().offers] == [STOPPED]
    assert Message.objects.get(origin=API).status == "failed"


def test_scheduled_message_is_caught_when_it_becomes_due(phone, tenant):
    past = timezone.now() - timedelta(seconds=1)
    message = phone.queue(recipient=NUMBER, status="scheduled", send_at=past)
    _write_opt_out(tenant)
    queue_scheduled()
    assert phone.pull().offers == []
    message.refresh_from_db()
    assert (message.status, message.error_code) == ("failed", "recipient_opted_out")


def test_those_who_opted_out_leave_their_places_to_others(phone, tenant, settings):
    settings.DEVICE_WINDOW_PER_SIM = 3
    gone = [phone.queue(recipient=NUMBER) for _ in range(7)]
    kept = [phone.queue(recipient=OTHER) for _ in range(4)]
    _write_opt_out(tenant)
    offered, leases = [], 0
    while len(offered) < 3:
        lease = phone.pull()
        leases += 1
        offered += [offer.attempt_id for offer in lease.offers]
        assert leases <= 4
    assert offered == [message.attempt_id for message in kept[:3]]
    assert Message.objects.filter(pk__in=[m.pk for m in gone], status="failed").count() == 7
    assert phone.pull().again_in_seconds is None


def test_opted_out_message_spends_nothing_of_a_budget(phone, tenant):
    SimFactory(device=phone.device, slot=2, segments_per_minute=2)
    phone.device.sims.filter(slot=1).delete()
    phone.queue(recipient=NUMBER, segments=2)
    other = phone.queue(recipient=OTHER, segments=2)
    _write_opt_out(tenant)
    assert [offer.attempt_id for offer in phone.pull().offers] == [other.attempt_id]


def test_phone_is_no_longer_said_to_have_due_work(phone, tenant):
    phone.queue(recipient=NUMBER)
    _write_opt_out(tenant)
    assert devices_with_due_work(device_ids=[phone.device.pk]) == [phone.device.pk]
    phone.pull()
    assert devices_with_due_work(device_ids=[phone.device.pk]) == []
    assert phone.pull() == Lease()


def test_opt_out_of_another_tenant_or_number_holds_nothing_up(phone):
    message = phone.queue(recipient=NUMBER)
    _write_opt_out(DeviceFactory().tenant)
    _write_opt_out(phone.device.tenant, OTHER)
    assert [offer.attempt_id for offer in phone.pull().offers] == [message.attempt_id]


# --- Races ------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_", range(8))
def test_stop_and_lease_at_once_end_each_message_or_ask_it_back(round_):
    phone = Phone()
    for _ in range(10):
        phone.queue(recipient=NUMBER)
    at_once(phone.pull, partial(_stop, phone.device.tenant), phone.pull)
    phone.pull()
    ends = {
        (message.status, message.cancel_requested_at is not None)
        for message in Message.objects.all()
    }
    assert ends <= {("failed", False), ("leased", True)}


@pytest.mark.django_db(transaction=True)
def test_stop_on_two_connections_at_once_is_new_once():
    tenant = DeviceFactory().tenant
    assert sorted(at_once(*[partial(_stop, tenant)] * 4)) == [False, False, False, True]
    assert [name for name, *_ in _told()] == ["contact.unsubscribed"]
