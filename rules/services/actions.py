"""What a rule does besides e-mails: each action and its outcome are one transaction.

So a worker that is killed leaves both or neither, and an action that is done again is done once.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django.db import DatabaseError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.errors import GatewayError, Unavailable
from accounts.ids import encode_id
from messaging.drafts import MessageDraft
from messaging.errors import RecipientOptedOut
from messaging.models import Contact, Group, Message, OptOut
from messaging.services.opt_outs import opt_out
from messaging.services.outbound import queue_message
from rules.models import RuleAction
from rules.services import loop_guard
from rules.services.claims import Kind, Outcome, Status, claim, settle

log = structlog.get_logger(__name__)

AT_ONCE = 2000
SWEEP_SECONDS = 30.0

_NO_GROUP = "The group is gone."
_OUR_FAULT = "Something went wrong on the gateway's side."


def perform_run(*, run_id: int) -> int:
    """Do the actions of a run that are due, but for e-mails; how many were begun."""
    return _perform(RuleAction.objects.filter(run_id=run_id))


def perform_due() -> int:
    """Do what is due of all runs for up to half a minute: repairs lost tasks and dead workers."""
    return _perform(RuleAction.objects.order_by("next_attempt_at"))


def _perform(actions: QuerySet[RuleAction]) -> int:
    due = actions.filter(
        kind__in=_EFFECTS, status=Status.PENDING, next_attempt_at__lte=timezone.now()
    )
    deadline = time.monotonic() + SWEEP_SECONDS
    done = 0
    for action_id in sorted(due.values_list("pk", flat=True)[:AT_ONCE]):
        if time.monotonic() > deadline:
            break
        done += perform_action(action_id=action_id)
    return done


def perform_action(*, action_id: int) -> bool:
    """Do one action if it is due; False when it is not, or is in someone else's hand.

    Raises only what the database raises when it is away: then nothing was done.
    """
    if claim(action_id) is None:
        return False
    with transaction.atomic():
        action = (
            RuleAction.objects.select_related("run__tenant", "run__message")
            .select_for_update(of=("self",), skip_locked=True, no_key=True)
            .filter(pk=action_id, status=Status.PENDING)
            .first()
        )
        return action is not None and settle(action, _outcome_of(action))


def _outcome_of(action: RuleAction) -> Outcome:
    """Have the effect, or none at all, and say what came of it."""
    try:
        with transaction.atomic():  # what fails in here does not take the row's lock along
            return _EFFECTS[action.kind](action)
    except RecipientOptedOut as error:
        return Outcome(Status.SKIPPED, error_code=error.code, error=error.message)
    except Unavailable as error:
        return Outcome(Status.PENDING, error_code=error.code, error=error.message)
    except GatewayError as error:
        issue = error.issues[0] if error.issues else error
        return Outcome(Status.FAILED, error_code=issue.code, error=issue.message)
    except DatabaseError as error:  # its further lines may quote the text
        log.error("a rule's action failed", action=action.pk, error=str(error).partition("\n")[0])
        return Outcome(Status.PENDING, error_code="internal_error", error=_OUR_FAULT)
    except Exception:  # a row that cannot be performed must not stop those behind it
        log.exception("a rule's action failed", action=action.pk)
        return Outcome(Status.PENDING, error_code="internal_error", error=_OUR_FAULT)


def _reply(action: RuleAction) -> Outcome:
    """The one text that may follow an opt-out is the reply of the rule that opts out."""
    run = action.run
    origin = Message.Origin.RULE
    if run.actions.filter(kind=Kind.OPT_OUT).exists():
        # Its own opt-out may be done already: workers share a run, and one of them may have died.
        earlier = OptOut.objects.filter(tenant=run.tenant, number=run.sender)
        if not earlier.filter(created_at__lt=run.created_at).exists():
            origin = Message.Origin.KEYWORD
    return _text(action, origin)


def _forward(action: RuleAction) -> Outcome:
    return _text(action, Message.Origin.RULE)


def _text(action: RuleAction, origin: Message.Origin) -> Outcome:
    refusal = loop_guard.refusal(action)
    if refusal is not None:
        return refusal
    draft = MessageDraft(recipient=action.payload["to"], text=action.payload["text"], hold=True)
    queued = queue_message(tenant=action.run.tenant, draft=draft, origin=origin)
    return Outcome(Status.DONE, result=encode_id(Message.ID_PREFIX, queued.public_id))


def _add_to_group(action: RuleAction) -> Outcome:
    """Both rows are locked: one deleted meanwhile would fail the commit, not the statement."""
    tenant = action.run.tenant
    groups = Group.objects.select_for_update(no_key=True)
    group = groups.filter(tenant=tenant, pk=action.payload["group_id"]).first()
    if group is None:
        return Outcome(Status.FAILED, error_code="not_found", error=_NO_GROUP)
    contacts = Contact.objects.select_for_update(no_key=True)
    contact, _ = contacts.get_or_create(tenant=tenant, number=action.run.sender)
    group.contacts.add(contact)
    return Outcome(Status.DONE)


def _opt_out(action: RuleAction) -> Outcome:
    run = action.run
    opt_out(tenant=run.tenant, number=run.sender, source=OptOut.Source.RULE, message=run.message)
    return Outcome(Status.DONE)


_EFFECTS: dict[str, Callable[[RuleAction], Outcome]] = {
    Kind.REPLY: _reply,
    Kind.FORWARD: _forward,
    Kind.ADD_TO_GROUP: _add_to_group,
    Kind.OPT_OUT: _opt_out,
}
