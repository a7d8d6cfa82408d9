"""What staff's pages in Django's admin have in common."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.core.paginator import Paginator
from django.db.models import Model, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.functional import cached_property

from accounts.ids import decode_id
from accounts.models import Tenant, User

MOST = 1000  # rows of a big table that can be paged through; a search finds the others


class StaffAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # for any model
    """Finds rows by their public id, besides what is searched for in `search_fields`."""

    show_facets = admin.ShowFacets.NEVER  # they would count whole tables

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        wanted = decode_id(getattr(self.model, "ID_PREFIX", "?"), search_term.strip())
        if wanted is not None:
            return self.find(queryset, public_id=wanted), False
        return super().get_search_results(request, queryset, search_term)

    def find(self, queryset: QuerySet[Any], **columns: Any) -> QuerySet[Any]:
        """Those of `queryset` in which a column has exactly this value."""
        return queryset.filter(**columns)


class ReadOnlyAdmin(StaffAdmin):
    """Nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # of any model
    """Counts no further than MOST: a table may have millions of rows."""

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST)

    @property
    def is_cut(self) -> bool:
        """Whether there are more, which are not shown."""
        return self._counted > MOST

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list  # Django's admin gives a QuerySet
        counted: int = rows.order_by()[: MOST + 1].count()
        return counted


class BigTableAdmin(ReadOnlyAdmin):
    """Rows of all tenants that only indexes of (tenant, …) lead to; `exact_fields` have one."""

    paginator = BoundedPaginator
    list_per_page = 50
    show_full_result_count = False
    exact_fields: ClassVar[tuple[str, ...]] = ()

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return self.exact_fields or ("public_id",)  # so that there is a search box

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """A public id, or one of `exact_fields` as it is stored."""
        term = search_term.strip()
        if not term:
            return queryset, False
        wanted = decode_id(getattr(self.model, "ID_PREFIX", "?"), term)
        if wanted is not None:
            return self.find(queryset, public_id=wanted), False
        found = Q(pk__in=())
        for name in self.exact_fields:
            found |= Q(tenant__in=tenants_with(self.model, **{name: term}), **{name: term})
        return queryset.filter(found), False

    def find(self, queryset: QuerySet[Any], **columns: Any) -> QuerySet[Any]:
        return queryset.filter(tenant__in=tenants_with(self.model, **columns), **columns)


def tenants_with(model: type[Model], **columns: Any) -> list[int]:
    """The tenants that have such a row: one look into an index for each tenant.

    PostgreSQL would otherwise read an index of (tenant, …) from end to end.
    """
    rows = model._default_manager.filter(tenant=OuterRef("pk"), **columns)
    having = Tenant.objects.annotate(hit=Subquery(rows.order_by().values("pk")[:1]))
    return list(having.filter(hit__isnull=False).order_by().values_list("pk", flat=True))


def actor_of(request: HttpRequest) -> User:
    """Who is behind a request to these pages."""
    if not isinstance(request.user, User):
        raise TypeError("these pages are for people who are logged in")
    return request.user
