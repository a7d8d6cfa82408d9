"""How long it is known what rules did."""

from datetime import timedelta

from django.utils import timezone

from rules.models import RuleRun

RUNS_ARE_KEPT = timedelta(days=90)
AT_ONCE = 1000


def prune() -> int:
    """Delete up to a thousand runs that are old, with their actions; how many."""
    old = RuleRun.objects.filter(created_at__lt=timezone.now() - RUNS_ARE_KEPT)
    oldest = list(old.order_by("created_at").values_list("pk", flat=True)[:AT_ONCE])
    RuleRun.objects.filter(pk__in=oldest).delete()
    return len(oldest)
