"""What every page's frame needs."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.http import HttpRequest
from django.urls import resolve
from django.urls.exceptions import Resolver404

from accounts.members import Role, may, membership_of
from accounts.models import Membership


class Section(NamedTuple):
    """One entry of the navigation: its label, the URL's name, its icon, and who sees it."""

    label: str
    url_name: str
    icon: str
    role: str = Role.VIEWER


SECTIONS: tuple[tuple[str, tuple[Section, ...]], ...] = (
    (
        "",
        (
            Section("Overview", "home", "overview"),
            Section("Messages", "messages", "messages"),
            Section("Conversations", "conversations", "conversations"),
            Section("Contacts", "contacts", "contacts"),
            Section("Phones", "devices", "phones"),
        ),
    ),
    (
        "Automate",
        (
            Section("Rules", "rules", "rules"),
            Section("Webhooks", "webhooks", "webhooks"),
            Section("Integrations", "integrations", "integrations"),
            Section("Developers", "developers", "developers", Role.ADMIN),
        ),
    ),
    (
        "Account",
        (
            Section("Team", "team", "team"),
            Section("Settings", "settings", "settings", Role.ADMIN),
            Section("Audit log", "audit", "audit", Role.ADMIN),
        ),
    ),
)


def shell(request: HttpRequest) -> dict[str, Any]:
    """The navigation of the member's tenant, for pages within one; and which frame that makes."""
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        membership = _membership_on_login_pages(request)
    if membership is None:
        return {"frame": "entrance.html"}
    groups = [
        (heading, [section for section in sections if may(membership, section.role)])
        for heading, sections in SECTIONS
    ]
    return {
        "frame": "app.html",
        "tenant": membership.tenant,
        "membership": membership,
        "navigation": groups,
        "here": _section_of(request),
        "other_tenants": [
            other.tenant
            for other in Membership.objects.select_related("tenant").filter(user=membership.user_id)
            if other.tenant_id != membership.tenant_id
        ],
        "can_operate": may(membership, Role.OPERATOR),
        "can_administer": may(membership, Role.ADMIN),
        "is_owner": may(membership, Role.OWNER),
    }


def _membership_on_login_pages(request: HttpRequest) -> Membership | None:
    """allauth's views know of no tenants, yet members see them in their own frame."""
    match = request.resolver_match
    if match is None or not match.func.__module__.startswith("allauth."):
        return None
    return membership_of(request)


def _section_of(request: HttpRequest) -> str:
    """The name of the URL's section: `rules` for `rules`, `rules-new` and `rules-edit`."""
    try:
        return (resolve(request.path_info).url_name or "").partition("-")[0]
    except Resolver404:
        return ""
