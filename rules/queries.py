"""Reads of rules, always from a tenant."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import NamedTuple

from cachetools import LRUCache
from django.db.models import Count, Func, OuterRef, QuerySet, Subquery
from django.utils import timezone

from accounts.errors import NotFound
from accounts.ids import decode_id, first_id_of
from accounts.models import Tenant
from messaging.models import Contact
from rules.matching import CompiledRule, compile_rule
from rules.models import Rule, RuleEngineSettings, RuleRun

# Compiled rules, by tenant and what they depend on. Every pattern may hold a megabyte of automata,
# so what is bounded is the number of patterns and not that of tenants.
_Key = tuple[int, int, str]
_MAX_WEIGHT = 1000
_cache: LRUCache[_Key, tuple[CompiledRule, ...]] = LRUCache(
    _MAX_WEIGHT, getsizeof=lambda rules: 1 + sum(rule.size > 0 for rule in rules)
)
_cache_lock = threading.Lock()

LATELY = timedelta(days=7)
_RUN_COLUMNS = ("public_id", "tenant", "rule_name", "sender", "skipped", "created_at")


class Engine(NamedTuple):
    """A tenant's settings (with the tenant) and its rules, in the order in which they are tried."""

    settings: RuleEngineSettings
    rules: tuple[CompiledRule, ...]


def engine_of(tenant_id: int) -> Engine | None:
    """The tenant's engine, or None if it never had a rule; one query while no rule changes.

    Another process's change is seen as soon as it is committed: the settings row, which is read
    every time, has another revision then.
    """
    settings = (
        RuleEngineSettings.objects.select_related("tenant").filter(tenant_id=tenant_id).first()
    )
    if settings is None:
        return None
    country = settings.tenant.default_country
    key = (tenant_id, settings.revision, country)
    with _cache_lock:
        rules = _cache.get(key)
    if rules is None:
        found = Rule.objects.filter(tenant_id=tenant_id)
        rules = tuple(compile_rule(rule, country) for rule in found)
        with _cache_lock:
            _cache[key] = rules
    return Engine(settings, rules)


def rules_for(tenant: Tenant) -> QuerySet[Rule]:
    """The tenant's rules as they are tried, each with its group and `last_matched_at`."""
    runs = RuleRun.objects.filter(rule=OuterRef("pk")).order_by("-public_id")
    return (
        Rule.objects.filter(tenant=tenant)
        .select_related("add_to_group")
        .annotate(last_matched_at=Subquery(runs.values("created_at")[:1]))
    )


def rule_for(tenant: Tenant, external_id: str) -> Rule:
    """The tenant's rule `rule_…`; raises NotFound for any other."""
    public_id = decode_id(Rule.ID_PREFIX, external_id)
    rule = rules_for(tenant).filter(public_id=public_id).first() if public_id else None
    if rule is None:
        raise NotFound
    return rule


def matches_lately(tenant: Tenant) -> dict[int, int]:
    """How many texts each rule (by its key) matched within seven days; none for those without."""
    since = first_id_of(timezone.now() - LATELY)
    runs = RuleRun.objects.filter(rule__tenant=tenant, public_id__gte=since)
    return dict(runs.values_list("rule").annotate(count=Count("pk")))


def settings_for(tenant: Tenant) -> RuleEngineSettings:
    """The tenant's settings; the defaults, not stored, if it has none."""
    stored = RuleEngineSettings.objects.filter(tenant=tenant).first()
    return stored or RuleEngineSettings(tenant=tenant)


def runs_for(tenant: Tenant, *, rule_id: str | None = None) -> QuerySet[RuleRun]:
    """What the tenant's rules (or one, by its `rule_…` id) matched, newest first.

    With the actions and the ids of rule and message; nothing for a rule that the tenant has not.
    """
    runs = (
        RuleRun.objects.filter(tenant=tenant)
        .select_related("rule", "message")
        .only(*_RUN_COLUMNS, "rule__public_id", "message__public_id")
        .prefetch_related("actions")
        .order_by("-public_id")
    )
    return runs if rule_id is None else runs.filter(rule_id=_key_of(tenant, rule_id))


def _key_of(tenant: Tenant, external_id: str) -> int:
    """The rule's key; one that nobody has when it is not the tenant's, so the list is empty."""
    public_id = decode_id(Rule.ID_PREFIX, external_id)
    if public_id is None:
        return 0
    known = Rule.objects.filter(tenant=tenant, public_id=public_id)
    return known.values_list("pk", flat=True).first() or 0


def contact_fields(tenant: Tenant) -> set[str]:
    """The names of all fields that any of the tenant's contacts has."""
    name = Func("fields", function="jsonb_object_keys")
    named = Contact.objects.filter(tenant=tenant).exclude(fields={}).order_by()
    return set(named.values_list(name, flat=True).distinct())
