"""What the audit log says in words: who did what to what."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.urls import NoReverseMatch, reverse

from accounts.ids import decode_id
from accounts.models import ApiKey, AuditEntry, Tenant
from accounts.services.audit import SYSTEM
from devices.models import Device
from integrations.ingress.models import Ingress
from rules.models import Rule
from webhooks.models import Endpoint

# Kind -> (its name, what its actions begin with); the kinds that one can look for.
KINDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "keys": ("API keys", ("api_key.",)),
    "team": ("Team", ("member.", "invitation.")),
    "settings": ("Settings and account", ("tenant.", "plan.", "credit.")),
    "phones": ("Phones", ("device.", "pairing_code.")),
    "messages": (
        "Messages and contacts",
        ("message.", "messages.", "export.", "contacts.", "opt_out."),
    ),
    "rules": ("Rules", ("rule.", "rules.")),
    "webhooks": ("Webhooks", ("endpoint.",)),
    "integrations": ("Integrations", ("ingress.",)),
}

# Action -> what comes behind the actor; `{}` is what it was done to.
_SENTENCES = {
    "api_key.created": "made the API key {}",
    "api_key.revoked": "revoked the API key {}",
    "credit.added": "changed the credit",
    "contacts.imported": "imported contacts from {}",
    "device.limited": "changed the limits of {}",
    "device.made_default": "made {} the default phone",
    "device.paired": "paired the phone {}",
    "device.paused": "paused the phone {}",
    "device.renamed": "renamed the phone {}",
    "device.resumed": "let the phone {} go on",
    "device.revoked": "revoked the phone {}",
    "endpoint.created": "added the webhook {}",
    "endpoint.deleted": "deleted the webhook {}",
    "endpoint.disabled": "disabled the webhook {}",
    "endpoint.enabled": "enabled the webhook {}",
    "endpoint.paused": "paused the webhook {}",
    "endpoint.resumed": "let the webhook {} go on",
    "endpoint.secret_rotated": "made a new signing secret for the webhook {}",
    "endpoint.updated": "changed the webhook {}",
    "export.deleted": "deleted an export of messages",
    "ingress.created": "added the integration {}",
    "ingress.deleted": "deleted the integration {}",
    "ingress.token_rotated": "gave the integration {} a new URL",
    "ingress.updated": "changed the integration {}",
    "invitation.revoked": "withdrew the invitation of {}",
    "invitation.sent": "invited {}",
    "invitation.sent_again": "invited {} again",
    "member.joined": "joined the team",
    "member.left": "left the team",
    "member.login_closed": "closed the login of {}",
    "member.login_opened": "opened the login of {} again",
    "member.second_factor_removed": "removed the second factor of {}",
    "member.removed": "removed {} from the team",
    "member.role_changed": "changed the role of {}",
    "message.text_viewed": "read the text of the message {}",
    "messages.exported": "exported messages",
    "opt_out.removed": "removed the opt-out of {}",
    "pairing_code.created": "made a pairing code for a phone",
    "plan.changed": "changed what the plan allows",
    "rule.created": "made the rule {}",
    "rule.deleted": "deleted the rule {}",
    "rule.updated": "changed the rule {}",
    "rules.reordered": "changed the order of the rules",
    "rules.settings_changed": "changed the settings of the rules",
    "tenant.activated": "activated the account",
    "tenant.keywords_changed": "changed STOP, START and HELP",
    "tenant.limits_changed": "changed the plan or its limits",
    "tenant.opened": "opened the account",
    "tenant.settings_changed": "changed the settings",
    "tenant.smsgate_settings_changed": "changed the settings of the SMSGate API",
    "tenant.suspended": "suspended the account",
}
# What actions begin with -> (the model of their targets, the URL of one).
_TARGETS: dict[str, tuple[Any, str]] = {
    "api_key": (ApiKey, ""),
    "device": (Device, "devices-detail"),
    "rule": (Rule, "rules-edit"),
    "endpoint": (Endpoint, "webhooks-detail"),
    "ingress": (Ingress, "integrations-detail"),
}
# Those whose details are [what was, what is].
_CHANGES = {
    "plan.changed",
    "tenant.keywords_changed",
    "tenant.limits_changed",
    "tenant.settings_changed",
}
_HIDDEN = {"name", "email", "ids"}  # told by the sentence, or nothing to read


@dataclass(frozen=True)
class Line:
    """An entry in words: actor, `before`, the target (with a link if it has a page), `after`."""

    entry: AuditEntry
    actor: str
    before: str
    target: str
    link: str
    after: str
    details: list[str]


def lines_of(tenant: Tenant, entries: Sequence[AuditEntry]) -> list[Line]:
    """`entries` in words; a query for each sort of target among them, to learn their names."""
    there = _names(tenant, entries)
    return [_line(entry, there) for entry in entries]


def _line(entry: AuditEntry, there: dict[str, str]) -> Line:
    fallback = entry.action.replace(".", " ").replace("_", " ") + ": {}"
    before, _, after = _SENTENCES.get(entry.action, fallback).partition("{}")
    # As it was called then, if the entry says so; a name that was changed is a detail.
    target = str(entry.detail.get("name") or entry.detail.get("email") or "")
    if entry.action in ("device.renamed", "endpoint.updated") or not target:
        target = there.get(entry.target) or target or entry.target
    is_told = "{}" in _SENTENCES.get(entry.action, fallback)
    return Line(
        entry,
        "API" if entry.actor_name == SYSTEM else entry.actor_name,
        before.strip(": ") if not target else before.strip(),
        target if is_told else "",
        _link(entry) if entry.target in there else "",
        after.strip(),
        list(_details(entry)),
    )


def _names(tenant: Tenant, entries: Iterable[AuditEntry]) -> dict[str, str]:
    """Target -> the name of what it is, for those that are still there."""
    wanted: dict[str, set[str]] = {}
    for entry in entries:
        wanted.setdefault(entry.action.partition(".")[0], set()).add(entry.target)
    names: dict[str, str] = {}
    for noun, targets in wanted.items():
        if noun in _TARGETS:
            model, _ = _TARGETS[noun]
            rows = _rows(model, tenant, targets)
            names |= {row.external_id: str(row.name or "") for row in rows}
    return names


def _rows(model: Any, tenant: Tenant, targets: set[str]) -> Iterable[Any]:
    ids = [decode_id(model.ID_PREFIX, target) for target in targets]
    rows: Iterable[Model] = model.objects.filter(tenant=tenant, public_id__in=filter(None, ids))
    return rows


def _link(entry: AuditEntry) -> str:
    _, url_name = _TARGETS[entry.action.partition(".")[0]]
    try:
        return reverse(url_name, args=[entry.target]) if url_name else ""
    except NoReverseMatch:
        return ""


def _details(entry: AuditEntry) -> Iterable[str]:
    """What was changed, one phrase for each field."""
    for name, value in entry.detail.items():
        words = name.replace("_", " ")
        if entry.action in ("device.renamed", "endpoint.updated") and name == "name":
            yield f"new name: {_shown(value)}"
        elif name in _HIDDEN:
            continue
        elif _is_change(entry, value):
            yield f"{words}: {_shown(value[0])} → {_shown(value[1])}"
        else:
            yield f"{words}: {_shown(value)}"


def _is_change(entry: AuditEntry, value: Any) -> bool:
    """Settings tell what was and what is."""
    return entry.action in _CHANGES and isinstance(value, list) and len(value) == 2


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(str, value)).replace("_", " ") or "none"
    return str(value).strip() or "none" if value is not None else "none"
