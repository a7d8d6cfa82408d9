"""Reads of endpoints and deliveries, always from a tenant."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.errors import NotFound
from accounts.ids import decode_id
from accounts.models import Tenant
from webhooks.errors import NoWebhookConfig
from webhooks.models import Delivery, DeliveryAttempt, Endpoint

MAX_ATTEMPTS_SHOWN = 100


def endpoints_for(tenant: Tenant) -> QuerySet[Endpoint]:
    """The endpoints that the tenant manages, oldest first."""
    return Endpoint.objects.of(tenant).order_by("id")


def endpoint_for(tenant: Tenant, external_id: str) -> Endpoint:
    """The tenant's endpoint `wkh_…`; raises NotFound for any other."""
    public_id = decode_id(Endpoint.ID_PREFIX, external_id)
    endpoints = endpoints_for(tenant).select_related("tenant")
    endpoint = endpoints.filter(public_id=public_id).first() if public_id else None
    if endpoint is None:
        raise NotFound
    return endpoint


def first_endpoint_for(tenant: Tenant) -> Endpoint:
    """The one that came with the tenant's first phone; raises NoWebhookConfig before that."""
    endpoint = endpoints_for(tenant).select_related("tenant").first()
    if endpoint is None:
        raise NoWebhookConfig
    return endpoint


def deliveries_for(tenant: Tenant) -> QuerySet[Delivery]:
    """The tenant's deliveries, to its endpoints and elsewhere, with event and endpoint."""
    return Delivery.objects.filter(tenant=tenant).select_related("event", "endpoint")


def delivery_for(tenant: Tenant, external_id: str) -> Delivery:
    """The tenant's delivery `dlv_…`; raises NotFound for any other."""
    public_id = decode_id(Delivery.ID_PREFIX, external_id)
    delivery = deliveries_for(tenant).filter(public_id=public_id).first() if public_id else None
    if delivery is None:
        raise NotFound
    return delivery


def attempts_of(delivery: Delivery) -> list[DeliveryAttempt]:
    """The last tries, oldest first; a delivery that was replayed often may have had more."""
    return list(delivery.history.order_by("-id")[:MAX_ATTEMPTS_SHOWN])[::-1]
