"""The tasks of rules: safe to lose, to repeat and to run twice at once."""

from datetime import timedelta
from threading import Event, Thread

import pytest
from django.db import connection
from django.utils import timezone

from accounts.locks import advisory_lock
from devices.tests.factories import DeviceFactory
from messaging.models import Group, Message, OptOut
from messaging.tests.factories import change
from messaging.tests.threads import at_once
from rules import tasks
from rules.models import RuleAction, RuleRun
from rules.services import history
from rules.services.actions import perform_action
from rules.services.claims import EMAIL_PATIENCE, QUICK_PATIENCE, claim
from rules.tests.runs import EMAIL, FORWARD, REPLY, action_of, let_pass, outcomes, run_of

pytestmark = pytest.mark.django_db(transaction=True)

ALL_DONE = dict.fromkeys(("reply", "forward", "email", "add_to_group", "opt_out"), ("done", ""))


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def group(device):
    return Group.objects.create(tenant=device.tenant, name="Customers")


@pytest.fixture
def asked(monkeypatch):
    """The e-mails that were handed on: action ids."""
    ids: list[int] = []

    def note(arguments: tuple[int], queue: str) -> None:
        assert queue == "webhooks"
        ids.extend(arguments)

    monkeypatch.setattr(tasks.send_email, "apply_async", note)
    return ids


def everything(device, group) -> RuleRun:
    """A run with all there is to do."""
    payloads = {"reply": REPLY, "email": EMAIL, "forward": FORWARD}
    return run_of(device, **payloads, add_to_group={"group_id": group.pk}, opt_out={})


def test_perform_does_the_quick_actions_and_hands_on_the_emails(device, group, asked, mailoutbox):
    run = everything(device, group)
    assert tasks.perform(run.pk) == 4
    assert outcomes(run) == ALL_DONE | {"email": ("pending", "")}
    assert (asked, mailoutbox) == ([action_of(run, "email").pk], [])
    assert tasks.send_email(*asked) == 1
    assert (outcomes(run), len(mailoutbox)) == (ALL_DONE, 1)


def test_tasks_repeated_change_nothing(device, group, asked, mailoutbox):
    run = everything(device, group)
    email = action_of(run, "email").pk
    for _ in range(3):
        tasks.perform(run.pk)
        tasks.send_email(email)
        tasks.sweep_actions()
        tasks.sweep_emails()
    assert (outcomes(run), asked, len(mailoutbox)) == (ALL_DONE, [email], 1)
    assert Message.objects.filter(direction="outbound").count() == 2
    assert (group.contacts.count(), OptOut.objects.count()) == (1, 1)
    assert set(RuleAction.objects.values_list("attempts", flat=True)) == {1}


def test_tasks_at_once_in_many_workers_do_everything_once(device, group, asked, mailoutbox):
    runs = [everything(device, group) for _ in range(5)]
    work = [lambda run=run: tasks.perform(run.pk) for run in runs]
    at_once(*work, *work, tasks.sweep_actions, tasks.sweep_emails)
    tasks.sweep_actions()
    tasks.sweep_emails()
    # Whose opt-out came first is chance; those after it are refused, and no one is sent twice.
    assert {outcomes(run)["email"] for run in runs} == {("done", "")}
    assert {outcomes(run)["forward"] for run in runs} == {("done", "")}
    assert {outcomes(run)["reply"] for run in runs} <= {
        ("done", ""),
        ("skipped", "recipient_opted_out"),
    }
    results = RuleAction.objects.filter(kind__in=["reply", "forward"], status="done")
    queued = Message.objects.filter(direction="outbound")
    assert sorted(results.values_list("result", flat=True)) == sorted(
        message.external_id for message in queued
    )
    assert len(mailoutbox) == 5
    assert (group.contacts.count(), OptOut.objects.count()) == (1, 1)


def test_sweeps_make_up_for_lost_tasks(device, group, mailoutbox):
    run = everything(device, group)
    assert (tasks.sweep_actions(), tasks.sweep_emails()) == (4, 1)
    assert (outcomes(run), len(mailoutbox)) == (ALL_DONE, 1)


def test_sweep_marks_the_email_of_a_dead_worker(device, mailoutbox):
    run = run_of(device, email=EMAIL)
    claim(action_of(run, "email").pk)
    let_pass(run, EMAIL_PATIENCE)
    assert (tasks.sweep_actions(), tasks.sweep_emails()) == (1, 0)
    assert (outcomes(run), mailoutbox) == ({"email": ("unknown", "unknown")}, [])


def test_run_goes_on_after_an_action_in_someone_elses_hand(device, group):
    run = everything(device, group)
    begun = claim(action_of(run, "reply").pk)
    assert tasks.sweep_actions() == 3
    assert outcomes(run)["reply"] == ("pending", "")
    assert (begun.attempts, outcomes(run)["opt_out"]) == (1, ("done", ""))


def test_worker_that_was_overtaken_after_its_claim_changes_nothing(device):
    run = run_of(device, reply=REPLY)
    action = action_of(run, "reply")
    locks: list[str] = []

    def overtake(execute, sql, params, many, context):
        """Before the claimed row is locked for its effect, let another worker do everything."""
        if "FOR NO KEY UPDATE" in sql:
            locks.append(sql)
            if len(locks) == 2:
                at_once(lambda: [let_pass(run, QUICK_PATIENCE), tasks.sweep_actions()])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(overtake):
        assert perform_action(action_id=action.pk) is False
    assert len(locks) == 2
    assert Message.objects.filter(direction="outbound").count() == 1
    assert (outcomes(run), action_of(run, "reply").attempts) == ({"reply": ("done", "")}, 2)


@pytest.mark.parametrize(
    "task", [tasks.sweep_actions, tasks.sweep_emails, tasks.prune], ids=lambda task: task.__name__
)
def test_sweep_is_left_to_whoever_has_it_in_hand(task, device, mailoutbox):
    run_of(device, reply=REPLY, email=EMAIL)
    old = run_of(device)
    change(old, created_at=timezone.now() - timedelta(days=91))
    is_held, may_end = Event(), Event()

    def hold() -> None:
        with advisory_lock(f"rules.{task.__name__}") as is_mine:
            assert is_mine
            is_held.set()
            may_end.wait(timeout=10)
        connection.close()

    holder = Thread(target=hold)
    holder.start()
    assert is_held.wait(timeout=10)
    skipped = task()
    may_end.set()
    holder.join()
    assert (skipped, task()) == (0, 1)


def test_old_runs_are_deleted_with_their_actions_batch_after_batch(device, monkeypatch):
    monkeypatch.setattr(history, "AT_ONCE", 2)
    old = [run_of(device, reply=REPLY) for _ in range(5)]
    for run in old:
        change(run, created_at=timezone.now() - timedelta(days=90, seconds=1))
    young = run_of(device, reply=REPLY)
    change(young, created_at=timezone.now() - timedelta(days=89))
    assert tasks.prune() == 5
    assert list(RuleRun.objects.all()) == [young]
    assert list(RuleAction.objects.values_list("run", flat=True)) == [young.pk]
    assert Message.objects.filter(direction="inbound").count() == 6  # the texts stay
