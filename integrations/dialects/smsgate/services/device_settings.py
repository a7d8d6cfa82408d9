"""The settings document: kept, shown, and without effect but for the key that signs webhooks."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from accounts.models import Tenant
from accounts.secrets import decrypt, encrypt
from accounts.services.audit import record_audit
from integrations.dialects.smsgate.models import DeviceSettings

Document = dict[str, Any]


def settings_of(tenant: Tenant) -> Document:
    """The document, without secrets."""
    kept = DeviceSettings.objects.filter(tenant=tenant).first()
    return kept.document if kept else {}


def signing_key_of(tenant_id: int) -> str:
    """What the tenant chose to have its webhooks signed with; empty if nothing."""
    stored = DeviceSettings.objects.filter(tenant_id=tenant_id).values_list(
        "signing_key", flat=True
    )
    return decrypt(key) if (key := stored.first()) else ""


@transaction.atomic
def change_settings(*, tenant: Tenant, changes: Document, is_whole: bool) -> Document:
    """Write `changes` over the document, or (`is_whole`) in its place; returns what is kept.

    Null takes a field or a section away. A signing key stays unless one is given, because nobody
    can read it to send it along. Other secrets are for phones alone and are not kept.
    """
    kept, _ = DeviceSettings.objects.select_for_update().get_or_create(tenant=tenant)
    webhooks = changes.get("webhooks") or {}
    if "signing_key" in webhooks:
        key = webhooks.pop("signing_key")
        kept.signing_key = encrypt(key) if key else ""
    (changes.get("gateway") or {}).pop("private_token", None)
    changes.pop("encryption", None)
    kept.document = _merged({} if is_whole else kept.document, changes)
    kept.save(update_fields=["document", "signing_key"])
    record_audit(tenant=tenant, actor=None, action="tenant.smsgate_settings_changed")
    return dict(kept.document)


def _merged(document: Document, changes: Document) -> Document:
    merged = dict(document)
    for section, fields in changes.items():
        both = merged.get(section, {}) | fields if fields is not None else {}
        merged[section] = {name: value for name, value in both.items() if value is not None}
    return {section: fields for section, fields in merged.items() if fields}
