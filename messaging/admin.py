"""Staff's view of messages: who, when and what became of it, never what was said."""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from messaging.models import Message, MessageEvent


class MessageEventInline(admin.TabularInline):  # type: ignore[type-arg]
    model = MessageEvent
    extra = 0
    can_delete = False
    fields = ["received_at", "kind", "device", "detail"]
    readonly_fields = ("received_at", "kind", "device", "detail")


@admin.register(Message)
class MessageAdmin(ReadOnlyAdmin):
    list_display = ["external_id", "tenant", "direction", "status", "recipient", "created_at"]
    list_filter = ["direction", "status"]
    list_select_related = ["tenant"]
    search_fields = ["=public_id", "=recipient", "=sender"]
    exclude = ["text", "metadata", "callback"]
    inlines = [MessageEventInline]
    show_full_result_count = False
