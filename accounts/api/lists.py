"""Lists in pages, newest first: the query string, and the keyset cursor of the next page.

The rows have a UUIDv7 `public_id` on whose index the list runs (docs/decisions/0006).
"""

from __future__ import annotations

import hashlib
import uuid
from typing import Annotated, TypeVar

import msgspec
from django.core import signing
from django.db.models import Model, QuerySet

from accounts.api.bodies import issue_of
from accounts.errors import InvalidInput, Issue
from accounts.models import Tenant

CURSOR_SALT = "api.cursor"


class PageQuery(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """The base of all queries of lists; subclasses add the filters."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 50
    cursor: str | None = None


class OffsetQuery(msgspec.Struct, rename="camel"):
    """The base of queries of lists that dialects page through by numbers."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 50
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**31)] = 0


Q = TypeVar("Q", bound=msgspec.Struct)
Row = TypeVar("Row", bound=Model)


def read_query(parameters: dict[str, str], shape: type[Q]) -> Q:
    """The parameters of a query string; raises InvalidInput naming the parameter."""
    unstorable = [name for name, value in parameters.items() if "\x00" in value]
    if unstorable:
        raise InvalidInput.at(unstorable[0], "invalid_characters", "NUL cannot be searched for.")
    try:
        return msgspec.convert(parameters, shape, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(issues=(_with_name(issue_of(error), str(error)),)) from error


def page_of(
    rows: QuerySet[Row], *, tenant: Tenant, query: PageQuery
) -> tuple[list[Row], str | None]:
    """(the page of `rows`, cursor of the next or None), in one query; raises InvalidInput.

    `rows` are the tenant's own and have gone through the query's filters already.
    """
    if query.cursor is not None:
        rows = rows.filter(public_id__lt=last_seen(tenant, query))
    found = list(rows.order_by("-public_id")[: query.limit + 1])
    page = found[: query.limit]
    if len(found) == len(page):
        return page, None
    last: uuid.UUID = page[-1].public_id  # type: ignore[attr-defined]  # all rows of lists have one
    return page, cursor_after(tenant, query, last)


def cursor_after(tenant: Tenant, query: PageQuery, last: uuid.UUID) -> str:
    """What leads on from the row `last`.

    Signed and bound to tenant, list and filters: nobody pages through another list with it.
    """
    return signing.dumps(
        [tenant.public_id.hex, _fingerprint(query), last.hex], salt=CURSOR_SALT, compress=False
    )


def last_seen(tenant: Tenant, query: PageQuery) -> uuid.UUID:
    """The row that `query.cursor` leads on from; raises InvalidInput unless we made it for this."""
    try:
        tenant_id, fingerprint, last = signing.loads(query.cursor or "", salt=CURSOR_SALT)
        if (tenant_id, fingerprint) == (tenant.public_id.hex, _fingerprint(query)):
            return uuid.UUID(hex=last)
    except (signing.BadSignature, ValueError):
        pass
    raise InvalidInput.at(
        "cursor", "invalid_cursor", "Send the nextCursor of the same list, with the same filters."
    )


def _fingerprint(query: PageQuery) -> str:
    filters = msgspec.json.encode(msgspec.structs.replace(query, cursor=None, limit=50))
    return hashlib.sha256(type(query).__name__.encode() + filters).hexdigest()[:16]


def _with_name(issue: Issue, text: str) -> Issue:
    if "unknown field" in text:
        name = text.rpartition("unknown field `")[2].partition("`")[0]
        return Issue(name, "unknown_parameter", f"There is no filter {name!r}.")
    return issue
