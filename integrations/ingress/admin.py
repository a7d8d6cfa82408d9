"""Staff's view of ingresses: never the URL, a secret, or what was posted."""

from django.contrib import admin

from accounts.staff import ReadOnlyAdmin
from integrations.ingress.models import Ingress, IngressPayload


class PayloadInline(admin.TabularInline):  # type: ignore[type-arg]
    model = IngressPayload
    extra = 0
    can_delete = False
    fields = ["received_at", "content_type", "status", "error_code", "message"]
    readonly_fields = ("received_at", "content_type", "status", "error_code", "message")


@admin.register(Ingress)
class IngressAdmin(ReadOnlyAdmin):
    list_display = ["name", "external_id", "tenant", "preset", "is_enabled", "last_used_at"]
    list_filter = ["preset", "is_enabled"]
    list_select_related = ["tenant"]
    search_fields = ["name", "tenant__name"]
    exclude = ["token", "token_hash", "signing_secret"]
    inlines = [PayloadInline]
