"""A tenant's rules: make, change, delete and order them, and the switches of the engine.

Each change of a rule bumps the engine's revision first. That locks the settings row, so changes of
one tenant's rules come one after the other and what they count together is what is stored.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import F, Max
from django.utils import timezone

from accounts.errors import Conflict, InvalidInput, Issue, NotFound
from accounts.limits import Kind, check_limit
from accounts.models import Tenant, User
from accounts.services.audit import record_audit
from messaging.templates import MAX_TEMPLATE
from rules.models import Rule, RuleEngineSettings
from rules.patterns import MAX_PROGRAM, InvalidPattern, compile_pattern
from rules.wishes import MAX_PRIORITY, RuleWish, columns_of

MAX_RULES = 50
STEP = 10  # between the priorities of rules in a row, so that one fits in between


@transaction.atomic
def create_rule(*, tenant: Tenant, wish: RuleWish, actor: User | None) -> Rule:
    """Store a new rule; raises InvalidInput, LimitReached, or Conflict when there are 50."""
    columns = columns_of(wish, tenant)
    _bump_revision(tenant)
    there = Rule.objects.filter(tenant=tenant)
    count = there.count()
    if count >= MAX_RULES:
        raise Conflict(f"There may be at most {MAX_RULES} rules. Delete one first.")
    check_limit(tenant, Kind.RULES, used=count)
    _check_patterns(tenant, columns)
    if wish.priority is None:
        last = there.aggregate(last=Max("priority"))["last"] or 0
        columns["priority"] = min(last + STEP, MAX_PRIORITY)
    rule = Rule.objects.create(tenant=tenant, **columns)
    _audit(tenant, actor, "rule.created", rule.external_id, name=rule.name)
    return rule


@transaction.atomic
def update_rule(*, rule: Rule, changes: Mapping[str, Any], actor: User | None) -> None:
    """Change fields of a rule, by their names in RuleWish; what is not named stays.

    Raises InvalidInput, or NotFound when it was deleted meanwhile.
    """
    tenant = rule.tenant
    _bump_revision(tenant)
    before = Rule.objects.select_related("add_to_group").filter(pk=rule.pk).first()
    if before is None:
        raise NotFound
    old = RuleWish.of(before)
    new = replace(old, **changes)
    if new.priority is None:
        new = replace(new, priority=old.priority)
    columns = columns_of(new, tenant)
    _check_patterns(tenant, columns, besides=rule)
    Rule.objects.filter(pk=rule.pk).update(**columns, updated_at=timezone.now())
    changed = sorted(name for name in changes if getattr(old, name) != getattr(new, name))
    _audit(tenant, actor, "rule.updated", rule.external_id, name=new.name, changed=changed)


@transaction.atomic
def delete_rule(*, rule: Rule, actor: User | None) -> None:
    """Delete a rule; its runs keep its name."""
    _bump_revision(rule.tenant)
    external_id, name = rule.external_id, rule.name
    rule.delete()
    _audit(rule.tenant, actor, "rule.deleted", external_id, name=name)


@transaction.atomic
def reorder_rules(*, tenant: Tenant, ids: Sequence[str], actor: User | None) -> None:
    """Give the rules the order of `ids`, which are all of the tenant's, each once.

    Raises InvalidInput otherwise.
    """
    _bump_revision(tenant)
    rules = {rule.external_id: rule for rule in Rule.objects.filter(tenant=tenant)}
    counts = Counter(ids)
    issues = [
        Issue(f"ids[{place}]", "not_found", "There is no such rule.")
        if rule_id not in rules
        else Issue(f"ids[{place}]", "duplicate", "Name each rule once.")
        for place, rule_id in enumerate(ids)
        if rule_id not in rules or counts[rule_id] > 1
    ]
    missing = [rule.name for rule_id, rule in rules.items() if rule_id not in counts]
    if missing:
        text = f"Name all rules; {len(missing)} are missing: {', '.join(missing)[:200]}."
        issues.append(Issue("ids", "incomplete", text))
    if issues:
        raise InvalidInput(issues=tuple(issues))
    for place, rule_id in enumerate(ids, start=1):
        rules[rule_id].priority = place * STEP
    Rule.objects.bulk_update(rules.values(), ["priority"])
    _audit(tenant, actor, "rules.reordered", ids=list(ids))


@transaction.atomic
def change_settings(*, tenant: Tenant, changes: Mapping[str, Any], actor: User | None) -> None:
    """Change the engine's switches, by the names of the columns; raises InvalidInput."""
    RuleEngineSettings.objects.get_or_create(tenant=tenant)
    settings = RuleEngineSettings.objects.select_for_update().get(tenant=tenant)
    for name, value in changes.items():
        setattr(settings, name, value)
    if len(settings.default_reply) > MAX_TEMPLATE:
        text = f"defaultReply may have at most {MAX_TEMPLATE:,} characters."
        raise InvalidInput.at("defaultReply", "invalid_length", text)
    if settings.default_reply_enabled and not settings.default_reply.strip():
        raise InvalidInput.at("defaultReply", "required", "Give the text of the default reply.")
    settings.save(update_fields=[*changes])
    _audit(tenant, actor, "rules.settings_changed", changed=sorted(changes))


def _bump_revision(tenant: Tenant) -> None:
    RuleEngineSettings.objects.get_or_create(tenant=tenant)
    RuleEngineSettings.objects.filter(tenant=tenant).update(revision=F("revision") + 1)


def _check_patterns(
    tenant: Tenant, columns: Mapping[str, Any], *, besides: Rule | None = None
) -> None:
    """Refuse a pattern that, with all others, is more than one text may cost."""
    if columns["match_type"] != Rule.MatchType.REGEX:
        return
    others = Rule.objects.filter(tenant=tenant, match_type=Rule.MatchType.REGEX)
    if besides is not None:
        others = others.exclude(pk=besides.pk)
    size = _size_of(columns["pattern"])
    left = MAX_PROGRAM - sum(map(_size_of, others.values_list("pattern", flat=True)))
    if size > left:
        text = (
            f"With the patterns of your other rules this one is too large: it has a size of {size}"
        )
        text = f"{text}, and {max(left, 0)} is left. Simplify one of them."
        raise InvalidInput.at("pattern", "too_large", text)


def _size_of(pattern: str) -> int:
    try:
        return compile_pattern(pattern).size
    except InvalidPattern:  # stored under other limits; it matches nothing now
        return 0


def _audit(
    tenant: Tenant, actor: User | None, action: str, target: str = "", **detail: Any
) -> None:
    record_audit(tenant=tenant, actor=actor, action=action, target=target, **detail)
