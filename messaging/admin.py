"""Staff's view of messages: who, when and what became of it, never what was said.

And whom the tenants know, without the fields that they keep on them.
"""

from django.contrib import admin

from accounts.admin import ReadOnlyAdmin
from messaging.models import Contact, Group, Message, MessageEvent, OptOut


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


@admin.register(Contact)
class ContactAdmin(ReadOnlyAdmin):
    list_display = ["external_id", "tenant", "number", "created_at", "last_inbound_at"]
    list_select_related = ["tenant"]
    search_fields = ["=public_id", "=number"]
    exclude = ["fields"]
    show_full_result_count = False


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    list_display = ["external_id", "tenant", "name", "created_at"]
    list_select_related = ["tenant"]
    search_fields = ["=public_id", "name"]
    exclude = ["contacts"]  # may be very many
    show_full_result_count = False


@admin.register(OptOut)
class OptOutAdmin(ReadOnlyAdmin):
    list_display = ["number", "tenant", "source", "created_at"]
    list_filter = ["source"]
    list_select_related = ["tenant"]
    search_fields = ["=number"]
    show_full_result_count = False
