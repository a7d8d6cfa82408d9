"""Rules, runs and dry runs as the native API shows them; what is not there is null."""

from __future__ import annotations

from datetime import time
from typing import Any

import msgspec

from accounts.api.errors import IssueOut
from accounts.api.times import iso
from accounts.errors import Issue
from messaging.models import Group
from rules.api.inputs import DAYS
from rules.dry_runs import DryRun
from rules.matching import Mismatch
from rules.models import Rule, RuleAction, RuleEngineSettings, RuleRun
from rules.plans import Planned

_KINDS = {"add_to_group": "addToGroup", "opt_out": "optOut"}
_REASONS = {
    Mismatch.DISABLED: "The rule is switched off.",
    Mismatch.TIME: "It is outside of the rule's active hours or days.",
    Mismatch.SENDER: "The sender does not pass fromFilter.",
    Mismatch.TEXT: "The text does not fit the pattern.",
}


class ActiveHoursOut(msgspec.Struct, rename={"from_": "from"}):
    from_: str
    until: str


class RuleOut(msgspec.Struct, rename="camel"):
    id: str
    name: str
    enabled: bool
    priority: int
    match_type: str
    pattern: str | None
    from_filter: str | None
    active_hours: ActiveHoursOut | None
    active_days: list[str]
    cool_down_seconds: int
    reply_enabled: bool
    reply_template: str | None
    email: str | None
    email_subject: str | None
    email_body: str | None
    webhook: str | None
    forward_to: str | None
    add_to_group: str | None
    opt_out: bool
    created_at: str
    updated_at: str
    last_matched_at: str | None


class WrittenRuleOut(RuleOut):
    """`warnings`: what was accepted and may not be meant, such as variables that nobody has."""

    warnings: list[IssueOut]


class RulesOut(msgspec.Struct):
    """In the order in which they are tried."""

    data: list[RuleOut]


class RuleSettingsOut(msgspec.Struct, rename="camel"):
    """`forwardAll`: endpoints hear every inbound text, and not only those that a rule matched."""

    enabled: bool
    default_reply_enabled: bool
    default_reply: str | None
    forward_all: bool


class WrittenRuleSettingsOut(RuleSettingsOut):
    warnings: list[IssueOut]


class RuleActionOut(msgspec.Struct, rename="camel"):
    """`status`: pending, started, done, failed, skipped, unknown. `result`: what it made."""

    action: str
    status: str
    attempts: int
    result: str | None
    error_code: str | None
    error: str | None
    finished_at: str | None


class RuleRunOut(msgspec.Struct, rename="camel"):
    """A text that a rule matched; `ruleId` is null for the default reply and for a deleted rule.

    `skipped`: why nothing was done (`cool_down`).
    """

    id: str
    rule_id: str | None
    rule_name: str
    message_id: str
    from_: str = msgspec.field(name="from")
    skipped: str | None
    created_at: str
    actions: list[RuleActionOut]


class RuleRunsOut(msgspec.Struct, rename="camel"):
    """Newest first; `nextCursor` is null on the last page."""

    data: list[RuleRunOut]
    next_cursor: str | None


class PlannedActionOut(msgspec.Struct, rename="camel"):
    """An action with its texts as they would be; `errorCode` says why it could not be done."""

    action: str
    to: str | None
    subject: str | None
    text: str | None
    url: str | None
    group_id: str | None
    error_code: str | None
    error: str | None


class RuleTestStepOut(msgspec.Struct, rename="camel"):
    """A rule that was tried. `reason`: disabled, time, sender, text, or null if it matched."""

    rule_id: str
    name: str
    matched: bool
    reason: str | None
    message: str | None


class RuleTestOut(msgspec.Struct, rename="camel"):
    """`keyword`: stop, start or help, which is followed without asking any rule.

    `forwarded`: the tenant's endpoints would hear of the text.
    """

    enabled: bool
    keyword: str | None
    rule_id: str | None
    rule_name: str | None
    skipped: str | None
    forwarded: bool
    actions: list[PlannedActionOut]
    steps: list[RuleTestStepOut]


def rule_out(rule: Rule) -> RuleOut:
    """`rule` with its group and `last_matched_at`, as queries.rules_for reads it."""
    return RuleOut(**_rule_fields(rule))


def written_rule_out(rule: Rule, warnings: list[Issue]) -> WrittenRuleOut:
    return WrittenRuleOut(**_rule_fields(rule), warnings=_issues_out(warnings))


def settings_out(settings: RuleEngineSettings) -> RuleSettingsOut:
    return RuleSettingsOut(**_settings_fields(settings))


def written_settings_out(
    settings: RuleEngineSettings, warnings: list[Issue]
) -> WrittenRuleSettingsOut:
    return WrittenRuleSettingsOut(**_settings_fields(settings), warnings=_issues_out(warnings))


def run_out(run: RuleRun) -> RuleRunOut:
    """`run` with its rule, message and actions already read."""
    return RuleRunOut(
        id=run.external_id,
        rule_id=run.rule.external_id if run.rule else None,
        rule_name=run.rule_name,
        message_id=run.message.external_id,
        from_=run.sender,
        skipped=run.skipped or None,
        created_at=iso(run.created_at) or "",
        actions=[_action_out(action) for action in run.actions.all()],
    )


def rule_test_out(dry_run: DryRun) -> RuleTestOut:
    decision = dry_run.decision
    rule = decision.rule
    return RuleTestOut(
        enabled=dry_run.is_enabled,
        keyword=dry_run.keyword,
        rule_id=rule.external_id if rule else None,
        rule_name=rule.name if rule else None,
        skipped=decision.skipped or None,
        forwarded=decision.is_forwarded,
        actions=[_planned_out(planned, dry_run.group) for planned in decision.actions],
        steps=[
            RuleTestStepOut(
                tried.external_id,
                tried.name,
                mismatch is None,
                mismatch,
                _REASONS[mismatch] if mismatch else None,
            )
            for tried, mismatch in dry_run.steps
        ],
    )


def _rule_fields(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.external_id,
        "name": rule.name,
        "enabled": rule.is_enabled,
        "priority": rule.priority,
        "match_type": rule.match_type,
        "pattern": rule.pattern or None,
        "from_filter": rule.from_filter or None,
        "active_hours": _hours_out(rule.active_from, rule.active_until),
        "active_days": [DAYS[day - 1] for day in rule.active_days],
        "cool_down_seconds": rule.cool_down_seconds,
        "reply_enabled": rule.reply_enabled,
        "reply_template": rule.reply_template or None,
        "email": rule.email or None,
        "email_subject": rule.email_subject or None,
        "email_body": rule.email_body or None,
        "webhook": rule.webhook or None,
        "forward_to": rule.forward_to or None,
        "add_to_group": rule.add_to_group.external_id if rule.add_to_group else None,
        "opt_out": rule.opt_out,
        "created_at": iso(rule.created_at) or "",
        "updated_at": iso(rule.updated_at) or "",
        "last_matched_at": iso(rule.last_matched_at),  # type: ignore[attr-defined]  # of rules_for
    }


def _settings_fields(settings: RuleEngineSettings) -> dict[str, Any]:
    return {
        "enabled": settings.is_enabled,
        "default_reply_enabled": settings.default_reply_enabled,
        "default_reply": settings.default_reply or None,
        "forward_all": settings.forwards_all,
    }


def _hours_out(start: time | None, end: time | None) -> ActiveHoursOut | None:
    if start is None or end is None:
        return None
    return ActiveHoursOut(start.isoformat("minutes"), end.isoformat("minutes"))


def _action_out(action: RuleAction) -> RuleActionOut:
    return RuleActionOut(
        action=_KINDS.get(action.kind, action.kind),
        status=action.status,
        attempts=action.attempts,
        result=action.result or None,
        error_code=action.error_code or None,
        error=action.error or None,
        finished_at=iso(action.finished_at),
    )


def _planned_out(planned: Planned, group: Group | None) -> PlannedActionOut:
    payload = planned.payload
    return PlannedActionOut(
        action=_KINDS.get(planned.kind, planned.kind),
        to=payload.get("to"),
        subject=payload.get("subject"),
        text=payload.get("text", payload.get("body")),
        url=payload.get("url"),
        group_id=group.external_id if group and "group_id" in payload else None,
        error_code=planned.error_code or None,
        error=planned.error or None,
    )


def _issues_out(issues: list[Issue]) -> list[IssueOut]:
    return [IssueOut(issue.path, issue.code, issue.message) for issue in issues]
