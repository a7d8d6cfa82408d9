"""Reacting to an inbound text: what is to be done is written down with the text itself."""

from __future__ import annotations

from functools import partial

from django.db import transaction
from django.utils import timezone

from accounts.upward import listeners
from messaging.events import Reaction
from messaging.models import Message
from rules.decisions import Decision, decide
from rules.matching import first_match
from rules.models import Rule, RuleAction, RuleRun
from rules.plans import Planned, Received
from rules.queries import engine_of
from rules.tasks import perform

DEFAULT_REPLY = "Default reply"


def react(*, message: Message, text: str) -> Reaction:
    """Match an inbound text, write down a run and its actions, and nudge whoever does them.

    Called in the transaction in which the text is stored, after its sender's contact was written:
    that row is locked then, so texts of one sender come here one after the other and a cool-down
    cannot be missed. Webhooks are queued right here. With the engine off nothing matches, and the
    endpoints hear everything.
    """
    if message.origin == Message.Origin.RULE:
        return Reaction()
    engine = engine_of(message.tenant_id)
    if engine is None or not engine.settings.is_enabled:
        return Reaction()
    tenant = engine.settings.tenant
    received = Received(tenant, message.sender, text, message.created_at, message.device_id)
    decision = decide(first_match(engine.rules, received.inbound()), engine.settings, received)
    rule_id = decision.rule.external_id if decision.rule else ""
    if decision.rule or decision.actions:
        _write_down(decision, received, message)
    return Reaction(rule_id, decision.is_forwarded)


def _write_down(decision: Decision, received: Received, message: Message) -> None:
    rule = decision.rule
    run = RuleRun.objects.create(
        tenant=received.tenant,
        rule=rule,
        rule_name=rule.name if rule else DEFAULT_REPLY,
        message=message,
        sender=message.sender,
        skipped=decision.skipped,
        created_at=message.created_at,
    )
    actions = [_action(run, planned) for planned in decision.actions]
    for action in actions:
        if rule is not None and action.kind == RuleAction.Kind.WEBHOOK:
            _post(action, rule, message, received.text)
    RuleAction.objects.bulk_create(actions)
    if any(action.status == RuleAction.Status.PENDING for action in actions):
        transaction.on_commit(partial(perform.delay, run.pk), robust=True)


def _action(run: RuleRun, planned: Planned) -> RuleAction:
    """`planned` as a row: work to do, or over already if it cannot be done."""
    action = RuleAction(run=run, kind=planned.kind, payload=planned.payload)
    if planned.error_code:
        action.error_code, action.error = planned.error_code, planned.error
        _end(action, RuleAction.Status.SKIPPED)
        if not run.tenant.keep_inbound:
            action.payload = {}  # it may quote the text
    return action


def _post(action: RuleAction, rule: Rule, message: Message, text: str) -> None:
    """Queue the text for the rule's URL; the delivery is the webhooks' work from here on."""
    for post in listeners("INBOUND_POSTERS"):
        action.result = post(
            message=message,
            text=text,
            url=action.payload["url"],
            matched_rule_id=rule.external_id,
        )
    _end(action, RuleAction.Status.DONE)


def _end(action: RuleAction, status: RuleAction.Status) -> None:
    action.status = status
    action.next_attempt_at = None
    action.finished_at = timezone.now()
