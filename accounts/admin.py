"""Staff's view of accounts; changes call services. Tenants are in gateway_site/admin.py."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest

from accounts.limits import Kind
from accounts.models import ApiKey, AuditEntry, CreditEntry, Membership, Plan, User
from accounts.services.api_keys import revoke_api_key
from accounts.services.credits import add_credit
from accounts.services.plans import PlanWish, create_plan, delete_plan, update_plan
from accounts.services.users import Rights, change_rights, remove_second_factor
from accounts.staff import BigTableAdmin, ReadOnlyAdmin, StaffAdmin, actor_of

# What staff without all rights may be given to do, besides to look.
CHANGES = (
    *("change_tenant", "add_creditentry", "change_apikey"),
    *("add_plan", "change_plan", "delete_plan"),
)
RIGHTS = ("is_active", "is_staff", "is_superuser")


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    """Who is in a tenant, or where a person is a member; tenants decide about that themselves."""

    model = Membership
    extra = 0
    can_delete = False
    readonly_fields = ("tenant", "user", "role", "created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        return super().get_queryset(request).select_related("tenant", "user")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(StaffAdmin):
    """People sign up or are invited, and choose their passwords; superusers give rights."""

    ordering = ("email",)
    list_display = ("email", "is_active", "is_staff", "has_second_factor", "last_login")
    list_filter = ("is_staff", "is_active")
    search_fields = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "has_second_factor", "last_login", "date_joined")}),
        ("Rights", {"fields": (*RIGHTS, "groups")}),
    )
    readonly_fields = ("email", "has_second_factor", "last_login", "date_joined")
    inlines = (MembershipInline,)
    actions = ("remove_second_factor",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Closing the login is enough, and keeps what the audit log says."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Nobody gives rights to themselves."""
        return bool(actor_of(request).is_superuser and obj != request.user)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        factors = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.TOTP)
        users: QuerySet[User] = super().get_queryset(request)
        return users.annotate(second_factor=Exists(factors))

    @admin.display(boolean=True, description="second factor")
    def has_second_factor(self, user: User) -> bool:
        return bool(getattr(user, "second_factor", False))

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        rights = Rights(**{name: form.cleaned_data[name] for name in RIGHTS})
        change_rights(user=obj, rights=rights, actor=actor_of(request))

    @admin.action(description="Remove the second factor", permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, users: QuerySet[User]) -> None:
        actor = actor_of(request)
        others = users.exclude(pk=actor.pk)
        count = sum(remove_second_factor(user=user, actor=actor) for user in others)
        messages.success(request, f"{count} removed; the password alone lets them in now.")


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(StaffAdmin):
    """Sets of permissions for staff: those that these pages ask for, and none to give rights."""

    search_fields = ("name",)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        there = ContentType.objects.get_for_models(*self.admin_site._registry).values()
        useful = Q(codename__startswith="view_") | Q(codename__in=CHANGES)
        choices = Permission.objects.filter(useful, content_type__in=there)
        kwargs["queryset"] = choices.select_related("content_type")
        kwargs["widget"] = forms.CheckboxSelectMultiple(attrs={"class": "permissions"})
        return super().formfield_for_manytomany(db_field, request, **kwargs)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "tenant", "prefix", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("tenant",)
    search_fields = ("name", "prefix", "tenant__name")
    exclude = ("secret_hash",)
    actions = ("revoke",)

    def has_revoke_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).has_perm("accounts.change_apikey")

    @admin.action(description="Revoke", permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        count = sum(revoke_api_key(api_key=key, actor=actor_of(request)) for key in keys)
        messages.success(request, f"{count} revoked; everywhere in force within ten seconds.")


@admin.register(Plan)
class PlanAdmin(StaffAdmin):
    list_display = ("name", *(kind.value for kind in Kind))
    search_fields = ("name",)

    def save_model(self, request: HttpRequest, obj: Plan, form: Any, change: bool) -> None:
        limits = {kind: form.cleaned_data[kind.value] for kind in Kind}
        wish = PlanWish(form.cleaned_data["name"], limits)
        if change:
            update_plan(plan=obj, wish=wish, actor=actor_of(request))
        else:
            obj.pk = create_plan(wish=wish).pk

    def delete_model(self, request: HttpRequest, obj: Plan) -> None:
        delete_plan(plan=obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Plan]) -> None:
        for plan in queryset:
            delete_plan(plan=plan)


class CreditForm(forms.ModelForm):  # type: ignore[type-arg]
    """One entry; afterwards it is only looked at."""

    def clean_amount(self) -> Any:
        amount = self.cleaned_data["amount"]
        if amount == 0:
            raise forms.ValidationError("Give an amount that is not zero.")
        return amount


@admin.register(CreditEntry)
class CreditEntryAdmin(BigTableAdmin):
    """The ledger of all tenants; entries are added and never changed."""

    list_display = ("created_at", "tenant", "amount", "note", "actor_name")
    list_select_related = ("tenant",)
    form = CreditForm
    raw_id_fields = ("tenant",)
    exclude = ("actor",)
    readonly_fields = ("actor_name", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return actor_of(request).has_perm("accounts.add_creditentry")

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        return ()  # one comes here from a tenant

    def get_fields(self, request: HttpRequest, obj: object = None) -> tuple[str, ...]:
        typed = ("tenant", "amount", "note")
        return typed if obj is None else (*typed, "actor_name", "created_at")

    def save_model(self, request: HttpRequest, obj: CreditEntry, form: Any, change: bool) -> None:
        typed = form.cleaned_data
        entry = add_credit(
            tenant=typed["tenant"],
            amount=typed["amount"],
            note=typed["note"],
            actor=actor_of(request),
        )
        obj.pk = entry.pk


@admin.register(AuditEntry)
class AuditEntryAdmin(BigTableAdmin):
    list_display = ("created_at", "tenant", "action", "actor_name", "target")
    list_select_related = ("tenant",)
    exact_fields = ("target",)
    search_help_text = "What it was done to: an id such as key_… or an e-mail address"
