"""Staff's view of accounts: read-mostly; what changes anything calls a service."""

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.models import ApiKey, AuditEntry, Membership, Tenant, User
from accounts.services.tenants import activate_tenant, suspend_tenant


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # for any model
    """Nothing is added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(DjangoUserAdmin):  # type: ignore[type-arg]
    ordering = ["email"]
    list_display = ["email", "is_active", "is_staff", "last_login"]
    search_fields = ["email"]
    fieldsets = [
        (None, {"fields": ["email", "password"]}),
        ("Rights", {"fields": ["is_active", "is_staff", "is_superuser", "groups"]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [(None, {"fields": ["email", "password1", "password2"]})]


class MembershipInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Membership
    extra = 0
    can_delete = False
    readonly_fields = ("user", "role", "created_at")

    def has_add_permission(self, request: HttpRequest, obj: object = None) -> bool:
        return False


@admin.register(Tenant)
class TenantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = ["name", "external_id", "status", "default_country", "created_at"]
    list_filter = ["status"]
    search_fields = ["name", "public_id"]
    readonly_fields = ["external_id", "status", "suspended_at", "suspended_reason", "created_at"]
    inlines = [MembershipInline]
    actions = ["suspend", "activate"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """`manage.py open_tenant` does it, with an owner and an audit entry."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: object = None) -> bool:
        """Suspending is enough, and keeps the messages."""
        return False

    @admin.action(description="Suspend")
    def suspend(self, request: HttpRequest, tenants: QuerySet[Tenant]) -> None:
        actor = request.user if isinstance(request.user, User) else None
        count = sum(
            suspend_tenant(tenant=tenant, actor=actor, reason="Suspended by staff")
            for tenant in tenants
        )
        messages.success(request, f"{count} suspended; everywhere in force within a minute.")

    @admin.action(description="Activate")
    def activate(self, request: HttpRequest, tenants: QuerySet[Tenant]) -> None:
        actor = request.user if isinstance(request.user, User) else None
        count = sum(activate_tenant(tenant=tenant, actor=actor) for tenant in tenants)
        messages.success(request, f"{count} activated.")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ["name", "tenant", "prefix", "created_at", "last_used_at", "revoked_at"]
    list_select_related = ["tenant"]
    search_fields = ["name", "prefix", "tenant__name"]
    exclude = ["secret_hash"]


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "tenant", "action", "actor_name", "target"]
    list_select_related = ["tenant"]
    search_fields = ["tenant__name", "action", "actor_name", "target"]
