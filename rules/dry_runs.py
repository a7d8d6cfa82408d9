"""What the engine would make of a text, without doing it."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import Tenant
from devices.models import Sim
from devices.numbers import parse_sender
from messaging.keywords import Keyword
from messaging.models import Group, KeywordSettings
from messaging.services.keywords import keyword_in
from rules.decisions import Decision, decide
from rules.matching import Mismatch, steps
from rules.models import Rule
from rules.plans import Received
from rules.queries import Engine, engine_of, settings_for


@dataclass(frozen=True, slots=True)
class DryRun:
    """The decision and the way there: each rule that was tried, with why it did not match.

    `group` is the one to which the sender would be added.
    A keyword would have kept the text from the rules, and so would an engine that is off; they are
    tried all the same here.
    """

    is_enabled: bool
    keyword: Keyword | None
    steps: list[tuple[Rule, Mismatch | None]]
    decision: Decision
    group: Group | None


def dry_run(received: Received) -> DryRun:
    """Match `received` against its tenant's rules; writes nothing."""
    tenant = received.tenant
    engine = engine_of(tenant.pk) or Engine(settings_for(tenant), ())
    keyword_settings = KeywordSettings.objects.filter(tenant=tenant).first()
    tried = [
        (compiled.rule, mismatch) for compiled, mismatch in steps(engine.rules, received.inbound())
    ]
    matched = next((rule for rule, mismatch in tried if mismatch is None), None)
    group_id = matched.add_to_group_id if matched else None
    return DryRun(
        engine.settings.is_enabled,
        keyword_in(received.text, keyword_settings),
        tried,
        decide(matched, engine.settings, received),
        Group.objects.filter(tenant=tenant, pk=group_id).first() if group_id else None,
    )


def device_with(tenant: Tenant, number: str) -> int | None:
    """The key of the tenant's device whose SIM has `number`, if one has."""
    stored = parse_sender(number, tenant.default_country)
    sims = Sim.objects.filter(tenant=tenant, number=stored, is_present=True) if stored else None
    return sims.values_list("device_id", flat=True).first() if sims is not None else None
