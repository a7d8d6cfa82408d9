"""What the engine makes of a text, once it is known which rule matches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rules.models import Rule, RuleEngineSettings, RuleRun
from rules.plans import Planned, Received, plan, plan_reply

COOL_DOWN = "cool_down"


@dataclass(frozen=True, slots=True)
class Decision:
    """The rule that matched, if one did; the actions; `skipped` says why there are none.

    Not `is_forwarded` = the tenant's endpoints hear nothing of the text.
    """

    rule: Rule | None
    actions: tuple[Planned, ...] = ()
    skipped: str = ""
    is_forwarded: bool = True


def decide(rule: Rule | None, settings: RuleEngineSettings, received: Received) -> Decision:
    """What is to be done about `received`, for which `rule` is the first that matches.

    The default reply is for what none matches. A rule whose cool-down runs for the sender matches
    nevertheless, and does nothing.
    """
    if rule is None:
        has_reply = settings.default_reply_enabled
        actions = (plan_reply(settings.default_reply, received),) if has_reply else ()
        return Decision(None, actions, is_forwarded=settings.forwards_all)
    if rule.cool_down_seconds and _has_run_since(
        received.at - timedelta(seconds=rule.cool_down_seconds), rule, received
    ):
        return Decision(rule, skipped=COOL_DOWN)
    return Decision(rule, tuple(plan(rule, received)))


def _has_run_since(moment: datetime, rule: Rule, received: Received) -> bool:
    runs = RuleRun.objects.filter(
        tenant=received.tenant, sender=received.sender, rule=rule, skipped=""
    )
    return runs.filter(created_at__gt=moment).exists()
