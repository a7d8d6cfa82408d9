"""Reads of ingresses, from a tenant or from a token."""

from __future__ import annotations

import re

from django.db.models import QuerySet

from accounts.errors import NotFound
from accounts.ids import decode_id
from accounts.models import Tenant
from accounts.secrets import keyed_hash
from integrations.ingress.models import Ingress, IngressPayload

_TOKEN = re.compile(rf"{Ingress.TOKEN_PREFIX}[A-Za-z0-9_-]{{43}}", re.ASCII)


def ingresses_for(tenant: Tenant) -> QuerySet[Ingress]:
    """The tenant's ingresses, oldest first."""
    return Ingress.objects.filter(tenant=tenant)


def ingress_for(tenant: Tenant, external_id: str) -> Ingress:
    """The tenant's ingress `wkh_…`; raises NotFound for any other."""
    public_id = decode_id(Ingress.ID_PREFIX, external_id)
    ingress = ingresses_for(tenant).filter(public_id=public_id).first() if public_id else None
    if ingress is None:
        raise NotFound
    return ingress


def enabled_ingress(token: str) -> Ingress | None:
    """The enabled ingress behind `ig_…`, with its tenant; None for any other text."""
    if not _TOKEN.fullmatch(token):
        return None
    found = Ingress.objects.select_related("tenant").filter(token_hash=keyed_hash(token))
    return found.filter(is_enabled=True).first()


def payloads_of(ingress: Ingress) -> QuerySet[IngressPayload]:
    """What came in lately, newest first."""
    return IngressPayload.objects.filter(ingress=ingress)


def payload_of(ingress: Ingress, external_id: str) -> IngressPayload | None:
    """The ingress's payload `pay_…`."""
    public_id = decode_id(IngressPayload.ID_PREFIX, external_id)
    return payloads_of(ingress).filter(public_id=public_id).first() if public_id else None
