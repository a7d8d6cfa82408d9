"""Two machines that answer each other are stopped, and nobody else is."""

from datetime import timedelta

import pytest

from devices.models import Sim
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.services.inbound import InboundText, receive_message
from messaging.tests.factories import change
from messaging.tests.threads import at_once
from rules.models import RuleAction, RuleRun
from rules.services import loop_guard
from rules.services.actions import perform_due, perform_run
from rules.tests.factories import RuleFactory, configure
from rules.tests.runs import FORWARD, REPLY, SENDER, action_of, let_pass, outcomes, run_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def device(settings):
    settings.RULE_REPLIES_PER_HOUR = 3
    return DeviceFactory()


def reply(device, **columns) -> tuple[str, str]:
    """(status, error code) of one more reply."""
    run = run_of(device, reply=REPLY, **columns)
    perform_run(run_id=run.pk)
    return outcomes(run)["reply"]


def test_replies_beyond_the_limit_are_skipped_with_a_sentence(device):
    assert [reply(device) for _ in range(4)] == [("done", "")] * 3 + [("skipped", "loop_guard")]
    skipped = RuleAction.objects.get(status="skipped")
    assert skipped.error == (
        "Loop guard: 3 automatic replies to this number in an hour are enough."
    )
    assert Message.objects.filter(recipient=SENDER).count() == 3


def test_limit_is_of_one_number_and_one_tenant(device):
    for _ in range(3):
        reply(device)
    assert reply(device, sender="+6580000001") == ("done", "")
    assert reply(DeviceFactory()) == ("done", "")
    assert reply(device) == ("skipped", "loop_guard")


def test_limit_slides_with_the_hour(device):
    for _ in range(3):
        reply(device)
    let_pass(RuleRun.objects.earliest("id"), timedelta(minutes=61))
    assert [reply(device) for _ in range(2)] == [("done", ""), ("skipped", "loop_guard")]


def test_reply_that_waited_counts_from_when_it_went_out(device):
    runs = [run_of(device, reply=REPLY) for _ in range(3)]
    for run in runs:
        change(run, created_at=run.created_at - timedelta(hours=23))
    assert perform_due() == 3
    assert reply(device) == ("skipped", "loop_guard")


def test_default_reply_counts_and_other_actions_do_not(device):
    for _ in range(3):
        perform_run(run_id=run_of(device, forward=FORWARD).pk)
    assert [reply(device) for _ in range(4)] == [("done", "")] * 3 + [("skipped", "loop_guard")]
    assert set(RuleRun.objects.values_list("rule", flat=True)) == {None}


def test_forwards_have_a_limit_of_their_own(device, monkeypatch):
    monkeypatch.setattr(loop_guard, "FORWARDS_PER_HOUR", 2)
    for _ in range(3):
        run = run_of(device, forward=FORWARD)
        perform_run(run_id=run.pk)
    assert outcomes(run) == {"forward": ("skipped", "loop_guard")}
    assert action_of(run, "forward").error == (
        "Loop guard: 2 automatic forwarded texts of this number in an hour are enough."
    )


def test_texts_of_the_tenants_own_phones_are_not_answered(device):
    own = device.sims.get().number
    run = run_of(device, sender=own, reply=REPLY | {"to": own}, forward=FORWARD)
    perform_run(run_id=run.pk)
    assert outcomes(run) == {
        "reply": ("skipped", "own_number"),
        "forward": ("skipped", "own_number"),
    }
    assert Message.objects.filter(direction="outbound").count() == 0


def test_number_of_another_tenants_phone_is_answered(device):
    change(DeviceFactory().sims.get(), number=SENDER)
    assert reply(device) == ("done", "")


def test_number_that_no_own_phone_has_any_more_is_answered(device):
    first, second = (DeviceFactory(tenant=device.tenant) for _ in range(2))
    change(first.sims.get(), number=SENDER, is_present=False)
    change(second.sims.get(), number=SENDER)
    change(second, status="revoked")
    assert reply(device) == ("done", "")


def play_ping_pong(first, second, *, most: int = 200) -> int:
    """Carry texts between two phones until neither has one to send; how many were carried.

    Somebody, with the number of `second`, begins. Every text that a phone sends is received by the
    other one, whose rules then do their work.
    """
    numbers = {phone.pk: phone.sims.get().number for phone in (first, second)}
    receiver, sender, text = first, second, "Hello"
    for carried in range(1, most):
        inbound = InboundText(str(carried), numbers[sender.pk], text)
        message = receive_message(device=receiver, inbound=inbound)
        for run in RuleRun.objects.filter(message=message):
            perform_run(run_id=run.pk)
        answer = Message.objects.filter(device=receiver, status="queued").first()
        if answer is None:
            return carried
        change(answer, status="sent")
        receiver, sender, text = sender, receiver, answer.text
    return most


@pytest.fixture
def other_phone(device):
    """A phone of another tenant, whose number is not that of `device`."""
    phone = DeviceFactory()
    change(phone.sims.get(), number="+6591112222")
    return phone


def test_two_machines_that_answer_each_other_are_stopped(device, other_phone):
    for phone in (device, other_phone):
        RuleFactory(tenant=phone.tenant, reply_enabled=True, reply_template="You wrote: {{text}}")
    assert play_ping_pong(device, other_phone) == 2 * 3 + 1
    replies = RuleAction.objects.filter(kind="reply")
    assert replies.filter(status="done").count() == 2 * 3
    assert replies.filter(error_code="loop_guard").count() == 1


def test_machine_and_default_reply_that_answer_each_other_are_stopped(device, other_phone):
    configure(device.tenant, default_reply_enabled=True, default_reply="We are closed.")
    RuleFactory(tenant=other_phone.tenant, reply_enabled=True, reply_template="Hello?")
    assert play_ping_pong(device, other_phone) == 2 * 3 + 1


def test_two_machines_that_forward_to_each_other_are_stopped(device, other_phone, monkeypatch):
    monkeypatch.setattr(loop_guard, "FORWARDS_PER_HOUR", 4)
    for phone, other in ((device, other_phone), (other_phone, device)):
        RuleFactory(tenant=phone.tenant, forward_to=other.sims.get().number)
    assert play_ping_pong(device, other_phone) == 2 * 4 + 1


def test_two_phones_of_one_tenant_do_not_answer_each_other(device, other_phone):
    change(other_phone, tenant=device.tenant)
    Sim.objects.filter(device=other_phone).update(tenant=device.tenant)
    other_phone.refresh_from_db()
    RuleFactory(tenant=device.tenant, reply_enabled=True, reply_template="Hello?")
    assert play_ping_pong(device, other_phone) == 1
    assert RuleAction.objects.get().error_code == "own_number"


@pytest.mark.django_db(transaction=True)
def test_two_workers_at_once_do_not_pass_the_limit_together(device):
    runs = [run_of(device, reply=REPLY) for _ in range(8)]
    halves = runs[:4], runs[4:]
    at_once(*(lambda half=half: [perform_run(run_id=run.pk) for run in half] for half in halves))
    done = [outcomes(run)["reply"] for run in runs]
    assert (done.count(("done", "")), done.count(("skipped", "loop_guard"))) == (3, 5)
    assert Message.objects.filter(recipient=SENDER).count() == 3
