"""What PostgreSQL plans to do for a list."""

import re
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

from django.db import connection

from accounts.api.lists import read_query
from accounts.models import Tenant
from messaging.api.inputs import ListQuery
from messaging.api.lists import page_of_messages

TABLE = "messaging_message"
_PARAMETER = re.compile("%s")


def sequential_scans(tenant: Tenant, parameters: dict[str, str]) -> list[str]:
    """The SQL behind this page of `tenant`'s messages whose plan reads the whole table.

    Both plans that PostgreSQL may use for a prepared statement are looked at: the one for these
    values, and the generic one.
    """
    found = []
    for sql, values in _statements(tenant, parameters):
        numbers = count(1)
        generic = _PARAMETER.sub(lambda _: f"${next(numbers)}", sql)  # noqa: B023 - used at once
        plans = [_plan(f"EXPLAIN (FORMAT JSON) {sql}", values)]
        plans.append(_plan(f"EXPLAIN (GENERIC_PLAN, FORMAT JSON) {generic}", None))
        found += [sql for plan in plans if any(_is_scan(node) for node in _nodes(plan))]
    return found


def _statements(tenant: Tenant, parameters: dict[str, str]) -> list[tuple[str, Any]]:
    """The statements that read one page, with their parameters."""
    seen: list[tuple[str, Any]] = []

    def note(execute: Callable[..., Any], sql: str, values: Any, many: bool, context: Any) -> Any:
        seen.append((sql, values))
        return execute(sql, values, many, context)

    with connection.execute_wrapper(note):
        page_of_messages(tenant, read_query(parameters, ListQuery))
    return [(sql, values) for sql, values in seen if TABLE in sql]


def _plan(sql: str, values: Any) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        ((plans,),) = cursor.fetchall()
    return dict(plans[0]["Plan"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _is_scan(node: dict[str, Any]) -> bool:
    return (node["Node Type"], node.get("Relation Name")) == ("Seq Scan", TABLE)
