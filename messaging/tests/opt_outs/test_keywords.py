"""Opting out and in by a text, and what is answered."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone

from accounts.models import Tenant
from devices.models import Device
from devices.tests.factories import DeviceFactory
from messaging.models import KeywordSettings, Message, OptOut
from messaging.services.inbound import InboundText, receive_message
from messaging.services.outbound import queue_message
from messaging.tests.factories import draft
from messaging.tests.opt_outs.helpers import (
    API,
    HELP,
    KEYWORD,
    NUMBER,
    OTHER,
    RESUMED,
    STOPPED,
    answers,
    told,
)

pytestmark = pytest.mark.django_db


def test_stop_opts_its_sender_out_is_confirmed_and_seen_by_no_rule(phone, tenant, receive, rules):
    message = receive(" Stop! ")
    row = OptOut.objects.get()
    assert (row.tenant, row.number, row.source) == (tenant, NUMBER, "keyword")
    answer = Message.objects.get(origin=KEYWORD)
    assert (answer.recipient, answer.text, answer.lane) == (NUMBER, STOPPED, 0)
    assert (answer.device, answer.is_pinned, answer.status) == (phone.device, False, "queued")
    assert rules == []
    assert told() == [("contact.unsubscribed", "", NUMBER), ("message.received", "stop", "")]
    assert [event.kind for event in message.events.all()] == ["received", "opted_out"]
    assert [offer.text for offer in phone.pull().offers] == [STOPPED]


def test_stop_twice_is_confirmed_and_announced_once(receive):
    receive("STOP")
    receive("STOP")
    assert (OptOut.objects.count(), answers()) == (1, [STOPPED])
    assert [name for name, *_ in told()] == [
        "contact.unsubscribed",
        "message.received",
        "message.received",
    ]


def test_report_of_stop_that_is_repeated_after_start_changes_nothing(phone, receive):
    stop = InboundText("the same", NUMBER, "STOP")
    receive_message(device=phone.device, inbound=stop)
    receive("START")
    assert receive_message(device=phone.device, inbound=stop) is None
    assert (OptOut.objects.count(), answers()) == (0, [STOPPED, RESUMED])


def test_start_resumes_and_is_confirmed_when_there_was_something_to_resume(tenant, receive):
    receive("start")
    receive("STOP")
    receive("start")
    receive("unstop")
    assert (OptOut.objects.count(), answers()) == (0, [STOPPED, RESUMED])
    assert queue_message(tenant=tenant, draft=draft(NUMBER), origin=API).status == "queued"


def test_help_is_answered_each_time_even_to_who_opted_out(receive, rules):
    receive("HELP")
    receive("STOP")
    receive("help?")
    assert (answers(), rules) == ([HELP, STOPPED, HELP], [])
    assert [keyword for _, keyword, _ in told() if keyword] == ["help", "stop", "help"]


def test_two_machines_that_answer_each_other_fall_silent_for_the_hour(receive):
    for _ in range(9):
        receive("INFO")
    assert len(answers()) == 5
    receive("INFO", sender=OTHER)
    assert len(answers()) == 6
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        receive("INFO")
    assert len(answers()) == 7


def test_opt_out_counts_however_often_it_was_answered(receive):
    for _ in range(5):
        receive("HELP")
    receive("STOP")
    assert (OptOut.objects.count(), len(answers())) == (1, 5)


@pytest.mark.parametrize("sender", ["DBS-Bank", "72227"])
def test_sender_that_cannot_be_answered_is_opted_out_all_the_same(receive, sender):
    receive("STOP", sender=sender)
    receive("HELP", sender=sender)
    assert ([row.number for row in OptOut.objects.all()], answers()) == ([sender], [])


def test_withheld_number_opts_nobody_out(receive):
    receive("STOP", sender="")
    assert (OptOut.objects.count(), answers()) == (0, [])


def test_stop_to_a_suspended_tenant_counts_and_is_not_answered(tenant, receive):
    Tenant.objects.update(status=Tenant.Status.SUSPENDED)
    receive("STOP")
    receive("HELP")
    assert (OptOut.objects.count(), answers()) == (1, [])


def test_stop_that_may_not_be_kept_counts(receive):
    Tenant.objects.update(keep_inbound=False)
    message = receive("STOP")
    message.refresh_from_db()
    assert (message.text, OptOut.objects.count(), answers()) == ("", 1, [STOPPED])


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
    assert answers() == [
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
    assert (OptOut.objects.count(), answers()) == (1, [])
