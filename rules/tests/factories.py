"""Rules as rows, with the engine's settings that every tenant with a rule has."""

import factory
from django.db.models import F
from factory.django import DjangoModelFactory

from accounts.tests.factories import TenantFactory
from rules.models import Rule, RuleEngineSettings


class RuleFactory(DjangoModelFactory):
    """A rule that matches anything and does nothing, unless told otherwise."""

    class Meta:
        model = Rule

    tenant = factory.SubFactory(TenantFactory)
    name = factory.Sequence(lambda n: f"Rule {n}")
    match_type = Rule.MatchType.ANY

    @classmethod
    def _create(cls, model_class, *args, **kwargs):
        rule = super()._create(model_class, *args, **kwargs)
        bump(rule.tenant)
        return rule


def bump(tenant) -> None:
    """What every change of a rule does, here or in another process."""
    RuleEngineSettings.objects.get_or_create(tenant=tenant)
    RuleEngineSettings.objects.filter(tenant=tenant).update(revision=F("revision") + 1)


def configure(tenant, **columns) -> None:
    """Write columns of the tenant's engine settings."""
    RuleEngineSettings.objects.update_or_create(tenant=tenant, defaults=columns)
