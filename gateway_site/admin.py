"""Staff's view of tenants: the one page that tells of all apps."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Count,
    DateTimeField,
    Func,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce, Greatest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from accounts.admin import MembershipInline
from accounts.ids import decode_id, first_id_of
from accounts.limits import Kind, limit_of, segments_left
from accounts.models import ApiKey, AuditEntry, Plan, Tenant
from accounts.services.api_keys import live_keys
from accounts.services.credits import balance_of
from accounts.services.invitations import seats_taken
from accounts.services.plans import change_plan
from accounts.services.tenants import activate_tenant, suspend_tenant
from accounts.staff import StaffAdmin, actor_of, tenants_with
from devices.models import Device
from messaging.models import Message
from messaging.states import Status
from messaging.statistics import MOST
from rules.models import Rule
from webhooks.models import Endpoint

# Logins are looked at and changed under users, and by their owners; tokens are nobody's to read.
for _model in (Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken, UserSession):
    admin.site.unregister(_model)

_NUMBER = re.compile(r"\+?[0-9]{5,20}")
_STATE = ("external_id", "state", "suspended_at", "suspended_reason", "created_at")
_USE = ("phones", "recent_messages", "last_activity", "credit", "use")
_SETTINGS = (
    "default_country",
    "time_zone",
    "hold_when_offline",
    "keep_inbound",
    "mail_alerts",
    "retention_days",
)


class SuspensionForm(forms.Form):
    """Why; the tenant's members and phones are told."""

    reason = forms.CharField(max_length=200, widget=forms.TextInput(attrs={"size": 60}))


@admin.register(Tenant)
class TenantAdmin(StaffAdmin):
    list_display = (
        "name",
        "state",
        "plan",
        "phones",
        "recent_messages",
        "last_activity",
    )
    list_filter = ("status", "plan")
    list_select_related = ("plan",)
    list_per_page = 25
    search_fields = ("name", "members__email")
    search_help_text = (
        "A name, a member's e-mail address, a number that it texted with, or an id: ten_…, msg_…"
    )
    fieldsets = (
        (None, {"fields": _STATE}),
        ("Use", {"fields": _USE}),
        (
            "Plan",
            {
                "fields": ("plan", *(kind.value for kind in Kind)),
                "description": "Its own limits go before the plan's; blank: as the plan says.",
            },
        ),
        (
            "Settings",
            {
                "fields": _SETTINGS,
                "description": "Its members change these.",
            },
        ),
    )
    readonly_fields = (*_STATE, *_USE, *_SETTINGS)
    inlines = (MembershipInline,)
    actions = ("suspend", "activate")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """`manage.py open_tenant` does it, with an owner and an audit entry."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Suspending is enough, and keeps the messages."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tenant]:
        return with_use(super().get_queryset(request))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = "".join(search_term.split())
        message_id = decode_id(Message.ID_PREFIX, term)
        if message_id is not None:
            return queryset.filter(pk__in=tenants_with(Message, public_id=message_id)), False
        if _NUMBER.fullmatch(term):
            texted = tenants_with(Message, recipient=term) + tenants_with(Message, sender=term)
            own = Tenant.objects.filter(devices__sims__number=term).values("pk")
            return queryset.filter(Q(pk__in=texted) | Q(pk__in=own)), False
        return super().get_search_results(request, queryset, search_term)

    def save_model(self, request: HttpRequest, obj: Tenant, form: Any, change: bool) -> None:
        plan: Plan | None = form.cleaned_data["plan"]
        limits = {kind: form.cleaned_data[kind.value] for kind in Kind}
        change_plan(tenant=obj, plan=plan, limits=limits, actor=actor_of(request))

    @admin.display(description="status", ordering="status")
    def state(self, tenant: Tenant) -> str:
        return format_html('<span class="badge {}">{}</span>', tenant.status, tenant.status)

    @admin.display(description="phones online")
    def phones(self, tenant: Any) -> str:
        return f"{tenant.phones_heard} of {tenant.phones_there}"

    @admin.display(description="messages in 24 hours")
    def recent_messages(self, tenant: Any) -> str:
        count = tenant.messages_lately
        return f"{count:,}" if count <= MOST else f"{MOST:,}+"

    @admin.display(description="last activity (UTC)")
    def last_activity(self, tenant: Any) -> str | None:
        return f"{tenant.active_at:%Y-%m-%d %H:%M}" if tenant.active_at else None

    @admin.display
    def credit(self, tenant: Tenant) -> str:
        return f"{balance_of(tenant):,.2f}"

    @admin.display(description="of its limits")
    def use(self, tenant: Tenant) -> str:
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}</li>", _use_of(tenant)))

    @admin.action(description="Suspend…", permissions=["change"])
    def suspend(self, request: HttpRequest, tenants: QuerySet[Tenant]) -> HttpResponse | None:
        """First asks why."""
        form = SuspensionForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            context = {
                **self.admin_site.each_context(request),
                "title": "Suspend",
                "opts": self.opts,
                "tenants": tenants,
                "form": form,
            }
            return TemplateResponse(request, "admin/accounts/tenant/suspend.html", context)
        actor, reason = actor_of(request), form.cleaned_data["reason"]
        count = sum(suspend_tenant(tenant=row, actor=actor, reason=reason) for row in tenants)
        messages.success(request, f"{count} suspended; everywhere in force within a minute.")
        return _back(tenants)

    @admin.action(description="Activate", permissions=["change"])
    def activate(self, request: HttpRequest, tenants: QuerySet[Tenant]) -> HttpResponse | None:
        actor = actor_of(request)
        count = sum(activate_tenant(tenant=tenant, actor=actor) for tenant in tenants)
        messages.success(request, f"{count} activated.")
        return _back(tenants)


def with_use(tenants: QuerySet[Tenant]) -> QuerySet[Tenant]:
    """`tenants` with their phones, messages of 24 hours and last activity, all out of indexes.

    Adds phones_there, phones_heard, messages_lately (MOST + 1 = more than MOST) and active_at: the
    last message, use of a key or entry in the audit log.
    """
    now = timezone.now()
    phones = Device.objects.filter(tenant=OuterRef("pk")).exclude(status=Device.Status.REVOKED)
    heard = phones.heard(now)
    since = first_id_of(now - timedelta(days=1))
    messages_of = Message.objects.filter(tenant=OuterRef("pk")).order_by("-public_id")
    # In the index of (tenant, status, public_id), and no further than statistics count.
    lately = messages_of.filter(status__in=Status.values, public_id__gte=since).order_by()
    keys = ApiKey.objects.filter(tenant=OuterRef("pk"), last_used_at__isnull=False)
    entries = AuditEntry.objects.filter(tenant=OuterRef("pk")).order_by("-id")
    return tenants.annotate(
        phones_there=_number_of(phones),
        phones_heard=_number_of(heard),
        messages_lately=Func(
            ArraySubquery(lately.values("public_id")[: MOST + 1]),
            function="CARDINALITY",
            output_field=IntegerField(),
        ),
        active_at=Greatest(
            Subquery(messages_of.values("created_at")[:1]),
            Subquery(keys.order_by("-last_used_at").values("last_used_at")[:1]),
            Subquery(entries.values("created_at")[:1]),
            output_field=DateTimeField(),
        ),
    )


def _number_of(rows: QuerySet[Any]) -> Coalesce:
    counted = rows.order_by().values("tenant").annotate(number=Count("pk")).values("number")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)


def _use_of(tenant: Tenant) -> list[tuple[str]]:
    """A phrase for each limit."""
    used = {
        Kind.MEMBERS: seats_taken(tenant),
        Kind.PHONES: getattr(tenant, "phones_there", 0),
        Kind.RULES: Rule.objects.filter(tenant=tenant).count(),
        Kind.ENDPOINTS: Endpoint.objects.of(tenant).count(),
        Kind.API_KEYS: live_keys(tenant).count(),
    }
    phrases = [f"{kind.label}: {used[kind]:,} {_of(limit_of(tenant, kind))}" for kind in used]
    left = segments_left(tenant)
    if left is not None:
        phrases.append(f"segments left today: {left:,} {_of(limit_of(tenant, Kind.SEGMENTS))}")
    return [(phrase,) for phrase in phrases]


def _of(limit: int | None) -> str:
    return "(no limit)" if limit is None else f"of {limit:,}"


def _back(tenants: QuerySet[Tenant]) -> HttpResponse | None:
    """To the tenant if it is one; None = to the list."""
    ids = list(tenants.values_list("pk", flat=True)[:2])
    return redirect("admin:accounts_tenant_change", ids[0]) if len(ids) == 1 else None
