"""A tenant's ingresses: make, change, give a new URL, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction

from accounts.errors import Conflict
from accounts.models import Tenant, User
from accounts.secrets import encrypt, keyed_hash, new_token
from accounts.services.audit import record_audit
from integrations.ingress.models import Ingress
from integrations.ingress.queries import ingresses_for
from integrations.ingress.wishes import IngressWish, check_wish

MAX_INGRESSES = 50


@transaction.atomic
def create_ingress(*, tenant: Tenant, wish: IngressWish, actor: User | None) -> Ingress:
    """A new ingress with a URL of its own.

    Raises InvalidInput, or Conflict when the tenant has 50.
    """
    check_wish(wish)
    # The lock makes those who come at the same moment count one after another.
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
    if ingresses_for(tenant).count() >= MAX_INGRESSES:
        raise Conflict(f"An account has at most {MAX_INGRESSES} ingresses. Delete one first.")
    ingress = Ingress.objects.create(tenant=tenant, **_columns(wish), **_token_columns())
    _audit(ingress, "created", actor, preset=wish.preset)
    return ingress


@transaction.atomic
def update_ingress(*, ingress: Ingress, changes: dict[str, Any], actor: User | None) -> None:
    """Change some of `ingress`; `changes` are fields of an IngressWish. Raises InvalidInput."""
    wish = replace(IngressWish.of(ingress), **changes)
    check_wish(wish)
    columns = _columns(wish)
    changed = [name for name, value in columns.items() if getattr(ingress, name) != value]
    for name in changed:
        setattr(ingress, name, columns[name])
    if changed:
        ingress.save(update_fields=changed)
        _audit(ingress, "updated", actor, fields=changed)


@transaction.atomic
def rotate_token(*, ingress: Ingress, actor: User | None) -> None:
    """Give `ingress` a new URL; whoever posts to the old one gets 404 from now on."""
    columns = _token_columns()
    for name, value in columns.items():
        setattr(ingress, name, value)
    ingress.save(update_fields=list(columns))
    _audit(ingress, "token_rotated", actor)


@transaction.atomic
def delete_ingress(*, ingress: Ingress, actor: User | None) -> None:
    """Delete `ingress`, its log and its refs; messages that it sent stay."""
    _audit(ingress, "deleted", actor)
    ingress.delete()


def _columns(wish: IngressWish) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "name": wish.name,
        "preset": wish.preset,
        "to_path": wish.to_path,
        "text_path": wish.text_path,
        "ref_path": wish.ref_path,
        "text_template": wish.text_template,
        "signing_header": wish.signing_header,
        "outbound_url": wish.outbound_url,
        "once_per_ref": wish.once_per_ref,
        "requests_per_minute": wish.requests_per_minute,
        "is_enabled": wish.is_enabled,
    }
    if wish.signing_secret is not None:
        columns["signing_secret"] = encrypt(wish.signing_secret) if wish.signing_secret else ""
    return columns


def _token_columns() -> dict[str, str]:
    token = new_token(Ingress.TOKEN_PREFIX)
    return {"token_hash": keyed_hash(token), "token": encrypt(token)}


def _audit(ingress: Ingress, what: str, actor: User | None, **detail: Any) -> None:
    record_audit(
        tenant=ingress.tenant,
        actor=actor,
        action=f"ingress.{what}",
        target=ingress.external_id,
        name=ingress.name,
        **detail,
    )
