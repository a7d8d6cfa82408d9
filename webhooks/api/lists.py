"""A page of the delivery log."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.api.lists import page_of
from accounts.ids import decode_id, first_id_of
from accounts.models import Tenant
from webhooks.api.inputs import DeliveriesQuery
from webhooks.models import Delivery, Endpoint
from webhooks.queries import deliveries_for


def page_of_deliveries(tenant: Tenant, query: DeliveriesQuery) -> tuple[list[Delivery], str | None]:
    """(deliveries newest first, cursor of the next page or None); raises InvalidInput."""
    deliveries = deliveries_for(tenant).defer("event__body")
    return page_of(_filter(deliveries, tenant, query), tenant=tenant, query=query)


def _filter(
    deliveries: QuerySet[Delivery], tenant: Tenant, query: DeliveriesQuery
) -> QuerySet[Delivery]:
    if query.endpoint_id is not None:
        deliveries = deliveries.filter(endpoint_id=_endpoint(tenant, query.endpoint_id))
    if query.status is not None:
        deliveries = deliveries.filter(status=query.status)
    if query.event is not None:
        deliveries = deliveries.filter(event__name=query.event)
    if query.since is not None:
        deliveries = deliveries.filter(public_id__gte=first_id_of(query.since))
    if query.until is not None:
        deliveries = deliveries.filter(public_id__lt=first_id_of(query.until))
    return deliveries


def _endpoint(tenant: Tenant, external_id: str) -> int:
    """The endpoint's key, also of a deleted one: its log stays.

    One that nobody has when it is not the tenant's, so that the list is empty.
    """
    public_id = decode_id(Endpoint.ID_PREFIX, external_id)
    if public_id is None:
        return 0
    known = Endpoint.objects.filter(tenant=tenant, kind=Endpoint.Kind.ENDPOINT, public_id=public_id)
    return known.values_list("pk", flat=True).first() or 0
