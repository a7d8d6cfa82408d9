"""How much a tenant may have: its own limits, else those of its plan, else no limit.

Each service that adds something asks here first. Rates, such as requests a minute, are another
matter (accounts/services/limits.py).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from accounts.errors import PlanRequired, RateLimited
from accounts.models import Tenant
from accounts.services.limits import Limit, spend

ASK = "Ask the operator of this gateway for more."


class Kind(StrEnum):
    """What is limited; the value is the column of FeatureLimits."""

    MEMBERS = "max_members"
    PHONES = "max_phones"
    RULES = "max_rules"
    ENDPOINTS = "max_endpoints"
    API_KEYS = "max_api_keys"
    SEGMENTS = "segments_per_day"

    @property
    def label(self) -> str:
        field: Any = Tenant._meta.get_field(self.value)
        return str(field.verbose_name)


class LimitReached(PlanRequired):
    """The account has as many as it may have."""

    def __init__(self, kind: Kind, limit: int) -> None:
        super().__init__(f"The account's limit is reached: {limit:,} {kind.label}. {ASK}")


class SegmentsSpent(RateLimited):
    """The day's segments are used up; `Retry-After` says when others come."""


def limit_of(tenant: Tenant, kind: Kind) -> int | None:
    """How many `tenant` may have; None = as many as it likes."""
    own: int | None = getattr(tenant, kind)
    if own is not None or tenant.plan_id is None:
        return own
    of_plan: int | None = getattr(tenant.plan, kind)
    return of_plan


def has_room(tenant: Tenant, kind: Kind, *, used: int) -> bool:
    """Whether one more than `used` is within the limit."""
    limit = limit_of(tenant, kind)
    return limit is None or used < limit


def check_limit(tenant: Tenant, kind: Kind, *, used: int) -> None:
    """Raise LimitReached unless one more than `used` is within the limit.

    Whoever must not be overtaken counts and adds while holding a lock of the tenant's.
    """
    limit = limit_of(tenant, kind)
    if limit is not None and used >= limit:
        raise LimitReached(kind, limit)


def spend_segments(tenant: Tenant, segments: int) -> None:
    """Count `segments` that are about to be queued; raises SegmentsSpent, and then counts none.

    Without Redis everything passes. What is counted and then not stored, since the database failed,
    stays counted: never does more pass than the limit.
    """
    limit = limit_of(tenant, Kind.SEGMENTS)
    if limit is None:
        return
    try:
        spend(_daily(limit), str(tenant.pk), cost=segments)
    except RateLimited as error:
        text = f"The account's limit of {limit:,} segments a day is reached. {ASK}"
        raise SegmentsSpent(text, headers=error.headers) from error


def segments_left(tenant: Tenant) -> int | None:
    """What may be queued still, roughly: processes take some in advance. None = no limit."""
    limit = limit_of(tenant, Kind.SEGMENTS)
    return None if limit is None else spend(_daily(limit), str(tenant.pk), cost=0).remaining


def _daily(limit: int) -> Limit:
    return Limit("segments", limit, 86_400)
