"""Paths, forms and what pages show of rules."""

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership
from messaging.tests.factories import MessageFactory
from rules.models import Rule

Role = Membership.Role
HTMX = {"HX-Request": "true"}


def page(rule, verb=""):
    return f"/rules/{rule.external_id}{verb}"


def typed(**fields) -> dict:
    """A form that is filled in well enough; a switch is `on` or not there."""
    filled = {"name": "Hours", "is_enabled": "on", "match_type": "contains", "pattern": "hours"}
    return {**filled, "cool_down_unit": "hours", **fields}


def names(answer) -> list[str]:
    return [row["rule"].name for row in answer.context["rows"]]


def in_order(tenant) -> list[str]:
    return [rule.name for rule in Rule.objects.filter(tenant=tenant)]


def inbound(device, text, **columns):
    return MessageFactory(inbound=True, device=device, text=text, **columns)


def queries(client, path, **form) -> int:
    with CaptureQueriesContext(connection) as made:
        assert (client.post(path, form) if form else client.get(path)).status_code == 200
    return len(made)
