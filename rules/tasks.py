"""What rules do in workers; every task may be lost, repeated, or run twice at once."""

from celery import shared_task

from accounts.locks import advisory_lock
from accounts.sweeping import sweep_once
from rules.services import actions, emails, history

WAITING_QUEUE = "webhooks"  # of the worker that has threads to wait for servers with
MOST_PRUNED = 20 * history.AT_ONCE  # in one task, far below its time limit


@shared_task
def perform(run_id: int) -> int:
    """The actions of a run, but for its e-mails, which are handed on."""
    done = actions.perform_run(run_id=run_id)
    for action_id in emails.waiting_of(run_id=run_id):
        send_email.apply_async((action_id,), queue=WAITING_QUEUE)
    return done


@shared_task
def send_email(action_id: int) -> int:
    return int(emails.send_email(action_id=action_id))


@shared_task
def sweep_actions() -> int:
    """Actions whose tasks got lost or whose workers died; returns how many it dealt with."""
    with advisory_lock("rules.sweep_actions") as is_mine:
        return emails.mark_unknown() + actions.perform_due() if is_mine else 0


@shared_task
def sweep_emails() -> int:
    """E-mails whose tasks got lost, or that are to be tried again; returns how many it tried.

    Beat puts it on WAITING_QUEUE.
    """
    with advisory_lock("rules.sweep_emails") as is_mine:
        return emails.send_due() if is_mine else 0


@shared_task
def prune() -> int:
    """Delete runs older than 90 days; returns how many."""
    return sweep_once(history.prune, at_once=history.AT_ONCE, most=MOST_PRUNED)
