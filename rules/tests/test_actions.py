"""Replies, forwards, groups and opt-outs: each with its outcome, and once."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from devices.tests.factories import DeviceFactory
from messaging.models import Contact, Group, Message, OptOut
from messaging.tests.factories import change
from rules.models import RuleAction
from rules.services.actions import perform_due, perform_run
from rules.services.claims import claim
from rules.tests.runs import (
    EMAIL,
    FORWARD,
    REPLY,
    SENDER,
    action_of,
    let_pass,
    outcomes,
    run_of,
    suspend,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def device():
    return DeviceFactory()


def sent() -> list[tuple[str, str, str]]:
    """(recipient, text, origin) of what was queued, in order."""
    rows = Message.objects.filter(direction="outbound").order_by("id")
    return list(rows.values_list("recipient", "text", "origin"))


def test_reply_and_forward_are_queued_with_the_outcome(device):
    run = run_of(device, reply=REPLY, forward=FORWARD)
    assert perform_run(run_id=run.pk) == 2
    assert sent() == [
        (SENDER, "We are open.", "rule"),
        ("+6589990000", "+6581234567: Open?", "rule"),
    ]
    assert outcomes(run) == {"reply": ("done", ""), "forward": ("done", "")}
    queued = Message.objects.get(recipient=SENDER)
    done = action_of(run, "reply")
    assert (done.result, done.attempts, done.next_attempt_at) == (queued.external_id, 1, None)
    assert done.finished_at is not None


def test_reply_waits_for_a_phone_that_is_away(device):
    change(device, last_seen_at=None, is_online=False)
    run = run_of(device, reply=REPLY)
    perform_run(run_id=run.pk)
    assert list(Message.objects.filter(recipient=SENDER).values_list("status")) == [("queued",)]


def test_run_performed_again_changes_nothing(device):
    run = run_of(device, reply=REPLY, forward=FORWARD, opt_out={})
    assert perform_run(run_id=run.pk) == 3
    before = list(run.actions.values())
    assert (perform_run(run_id=run.pk), perform_due()) == (0, 0)
    assert (list(run.actions.values()), len(sent())) == (before, 2)


def test_run_that_is_gone_is_nothing_to_do(device):
    assert perform_run(run_id=0) == 0


def test_emails_and_webhooks_are_left_to_others(device):
    run = run_of(device, email=EMAIL, webhook={"url": "https://example.com"})
    assert (perform_run(run_id=run.pk), perform_due()) == (0, 0)
    assert outcomes(run) == {"email": ("pending", ""), "webhook": ("pending", "")}


def test_sender_is_added_to_the_group_as_a_contact_once(device):
    group = Group.objects.create(tenant=device.tenant, name="Customers")
    runs = [run_of(device, add_to_group={"group_id": group.pk}) for _ in range(2)]
    assert perform_due() == 2
    assert [outcomes(run) for run in runs] == [{"add_to_group": ("done", "")}] * 2
    assert list(group.contacts.values_list("tenant", "number")) == [(device.tenant_id, SENDER)]


def test_known_contact_stays_as_it_is(device):
    group = Group.objects.create(tenant=device.tenant, name="Customers")
    contact = Contact.objects.create(tenant=device.tenant, number=SENDER, name="Regular")
    perform_run(run_id=run_of(device, add_to_group={"group_id": group.pk}).pk)
    assert list(group.contacts.all()) == [contact]
    assert Contact.objects.get().name == "Regular"


def test_group_that_is_gone_or_of_another_tenant_fails(device):
    foreign = Group.objects.create(tenant=DeviceFactory().tenant, name="Theirs")
    gone = run_of(device, add_to_group={"group_id": 0})
    theirs = run_of(device, add_to_group={"group_id": foreign.pk})
    perform_due()
    assert [outcomes(run) for run in (gone, theirs)] == [
        {"add_to_group": ("failed", "not_found")}
    ] * 2
    assert (foreign.contacts.count(), Contact.objects.count()) == (0, 0)
    assert action_of(gone, "add_to_group").error == "The group is gone."


def test_sender_is_opted_out_with_the_text_as_the_reason(device):
    run = run_of(device, opt_out={})
    perform_run(run_id=run.pk)
    assert list(OptOut.objects.values_list("tenant", "number", "source")) == [
        (device.tenant_id, SENDER, "rule")
    ]
    assert outcomes(run) == {"opt_out": ("done", "")}
    assert list(run.message.events.values_list("kind", flat=True)) == ["opted_out"]


def test_reply_that_confirms_an_opt_out_goes_out_in_spite_of_it(device):
    run = run_of(device, reply=REPLY, opt_out={})
    perform_run(run_id=run.pk)
    assert outcomes(run) == {"reply": ("done", ""), "opt_out": ("done", "")}
    assert list(Message.objects.filter(recipient=SENDER).values_list("origin", "status")) == [
        ("keyword", "queued")
    ]


def test_reply_that_confirms_an_opt_out_may_come_after_it(device):
    run = run_of(device, reply=REPLY, opt_out={})
    begun = claim(action_of(run, "reply").pk)  # by a worker that dies
    assert perform_run(run_id=run.pk) == 1
    assert outcomes(run) == {"reply": ("pending", ""), "opt_out": ("done", "")}
    change(begun, next_attempt_at=timezone.now())
    assert perform_due() == 1
    assert outcomes(run) == {"reply": ("done", ""), "opt_out": ("done", "")}


def test_opt_out_is_confirmed_only_once(device):
    OptOut.objects.create(tenant=device.tenant, number=SENDER, source=OptOut.Source.RULE)
    run = run_of(device, reply=REPLY, opt_out={})
    perform_run(run_id=run.pk)
    assert outcomes(run) == {"reply": ("skipped", "recipient_opted_out"), "opt_out": ("done", "")}
    assert sent() == []


def test_reply_to_a_number_that_opted_out_is_skipped(device):
    OptOut.objects.create(tenant=device.tenant, number=SENDER, source=OptOut.Source.KEYWORD)
    run = run_of(device, reply=REPLY, forward=FORWARD)
    perform_run(run_id=run.pk)
    assert outcomes(run) == {"reply": ("skipped", "recipient_opted_out"), "forward": ("done", "")}


def test_text_that_cannot_be_sent_fails_with_the_reason(device):
    run = run_of(device, reply=REPLY | {"text": ""}, forward=FORWARD | {"to": "no number"})
    perform_run(run_id=run.pk)
    assert outcomes(run) == {
        "reply": ("failed", "invalid_length"),
        "forward": ("failed", "invalid_phone_number"),
    }
    assert action_of(run, "reply").error == "text must have 1 to 1600 characters; this one has 0."


def test_failure_of_the_database_stops_neither_the_run_nor_the_others(device):
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE messaging_group_contacts ADD CONSTRAINT no_more CHECK (false) NOT VALID"
        )
    group = Group.objects.create(tenant=device.tenant, name="Customers")
    run = run_of(device, add_to_group={"group_id": group.pk}, opt_out={})
    other = run_of(device, forward=FORWARD)
    assert perform_due() == 3
    assert outcomes(run) == {"add_to_group": ("pending", "internal_error"), "opt_out": ("done", "")}
    assert outcomes(other) == {"forward": ("done", "")}
    assert Contact.objects.count() == 0  # the effect is undone as a whole


def test_action_that_fails_by_our_fault_is_tried_less_and_less_often_then_fails(device):
    run = run_of(device, add_to_group={})
    pauses = []
    while (action := action_of(run, "add_to_group")).status == "pending":
        if action.attempts:
            pauses.append(round((action.next_attempt_at - timezone.now()) / timedelta(minutes=1)))
            assert perform_due() == 0
        change(action, next_attempt_at=timezone.now())
        assert perform_due() == 1
    assert pauses == [1, 5, 30, 120]
    assert (action.status, action.error_code, action.attempts) == ("failed", "internal_error", 5)


def test_action_that_was_begun_and_never_ended_is_given_up_after_five_starts(device):
    run = run_of(device, reply=REPLY)
    change(action_of(run, "reply"), attempts=5)
    assert perform_due() == 0
    assert (outcomes(run), sent()) == ({"reply": ("failed", "gave_up")}, [])


def test_start_is_counted_and_leaves_the_action_alone_for_a_while(device):
    run = run_of(device, reply=REPLY)
    begun = action_of(run, "reply")
    change(begun, attempts=1, next_attempt_at=timezone.now() + timedelta(seconds=9))
    assert (perform_run(run_id=run.pk), perform_due()) == (0, 0)
    let_pass(run, timedelta(seconds=10))
    assert perform_due() == 1
    assert outcomes(run) == {"reply": ("done", "")}


def test_suspended_tenants_texts_wait_and_go_out_when_it_is_active_again(device):
    suspend(device.tenant)
    run = run_of(device, reply=REPLY, forward=FORWARD)
    assert (perform_run(run_id=run.pk), perform_due()) == (0, 0)
    waiting = action_of(run, "reply")
    assert (waiting.status, waiting.attempts) == ("pending", 0)
    change(device.tenant, status="active")
    assert perform_due() == 0
    let_pass(run, timedelta(minutes=1))
    assert perform_due() == 2
    assert len(sent()) == 2


def test_suspended_tenants_opt_outs_and_groups_are_written_down(device):
    suspend(device.tenant)
    group = Group.objects.create(tenant=device.tenant, name="Customers")
    run = run_of(device, add_to_group={"group_id": group.pk}, opt_out={})
    assert perform_run(run_id=run.pk) == 2
    assert outcomes(run) == {"add_to_group": ("done", ""), "opt_out": ("done", "")}


@pytest.mark.parametrize("is_suspended", [True, False])
def test_texts_a_day_late_are_skipped_and_opt_outs_are_not(device, is_suspended):
    if is_suspended:
        suspend(device.tenant)
    run = run_of(device, reply=REPLY, forward=FORWARD, opt_out={})
    let_pass(run, timedelta(hours=24, seconds=1))
    perform_due()
    assert outcomes(run) == {
        "reply": ("skipped", "too_late"),
        "forward": ("skipped", "too_late"),
        "opt_out": ("done", ""),
    }
    assert sent() == []


def test_payload_is_emptied_at_the_end_when_the_tenant_keeps_no_texts(device):
    change(device.tenant, keep_inbound=False)
    run = run_of(device, reply=REPLY, forward=FORWARD | {"to": "no number"}, add_to_group={})
    perform_run(run_id=run.pk)
    assert {row.kind: row.payload for row in run.actions.all()} == {
        "reply": {},
        "forward": {},
        "add_to_group": {},
    }
    kept = run_of(device, reply=REPLY)
    suspend(device.tenant)
    perform_run(run_id=kept.pk)
    assert action_of(kept, "reply").payload == REPLY  # it is needed yet


def test_payload_stays_when_the_tenant_keeps_texts(device):
    run = run_of(device, reply=REPLY)
    perform_run(run_id=run.pk)
    assert action_of(run, "reply").payload == REPLY


def test_due_actions_are_done_for_all_tenants(device):
    runs = [run_of(phone, reply=REPLY) for phone in (device, DeviceFactory())]
    assert perform_due() == 2
    assert list(RuleAction.objects.order_by("id").values_list("run", "status")) == [
        (run.pk, "done") for run in runs
    ]
    owners = Message.objects.filter(recipient=SENDER).order_by("id")
    assert list(owners.values_list("tenant", flat=True)) == [run.tenant_id for run in runs]
