"""Staff's view of messages: who, when and what became of it; what was said only on purpose.

And whom the tenants know, without the fields that they keep on them.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.staff import BigTableAdmin, ReadOnlyAdmin, actor_of
from messaging.models import Contact, Group, Message, MessageEvent, OptOut
from messaging.services.disclosure import disclose_text


class MessageEventInline(admin.TabularInline):  # type: ignore[type-arg]
    model = MessageEvent
    extra = 0
    can_delete = False
    fields = ("received_at", "kind", "device", "detail")
    readonly_fields = ("received_at", "kind", "device", "detail")


@admin.register(Message)
class MessageAdmin(BigTableAdmin):
    list_display = ("external_id", "tenant", "direction", "status", "recipient", "created_at")
    list_select_related = ("tenant",)
    exact_fields = ("recipient", "sender")
    search_help_text = "A message's id, or a whole number such as +6581230000"
    exclude = ("text", "metadata", "callback")
    raw_id_fields = ("tenant", "device", "sim")
    inlines = (MessageEventInline,)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """Newest first, along an index whether it is of one tenant or of all."""
        return ("-public_id",) if "tenant__id__exact" in request.GET else ("-id",)

    def get_list_filter(self, request: HttpRequest) -> tuple[str, ...]:
        """Within a tenant only: of all tenants no index knows the failed ones."""
        return ("status", "direction") if "tenant__id__exact" in request.GET else ()

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.text_view)
        own = path("<int:message_pk>/text/", view, name="messaging_message_text")
        return [own, *super().get_urls()]

    @method_decorator((require_POST, never_cache))
    def text_view(self, request: HttpRequest, message_pk: int) -> HttpResponse:
        """What was said, this once; the tenant reads in its audit log that it was looked at."""
        actor = actor_of(request)
        if not (self.has_view_permission(request) and actor.has_perm(TEXT_PERMISSION)):
            raise PermissionDenied
        message = Message.objects.select_related("tenant").filter(pk=message_pk).first()
        if message is None:
            raise Http404
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": f"Text of {message.external_id}",
            "opts": self.opts,
            "message": message,
            "text": disclose_text(message=message, actor=actor),
        }
        return TemplateResponse(request, "admin/messaging/message/text.html", context)


TEXT_PERMISSION = "messaging.view_message_text"


@admin.register(Contact)
class ContactAdmin(BigTableAdmin):
    list_display = ("external_id", "tenant", "number", "created_at", "last_inbound_at")
    list_select_related = ("tenant",)
    exact_fields = ("number",)
    exclude = ("fields",)


@admin.register(Group)
class GroupAdmin(ReadOnlyAdmin):
    list_display = ("external_id", "tenant", "name", "created_at")
    list_select_related = ("tenant",)
    search_fields = ("name",)
    exclude = ("contacts",)  # may be very many
    show_full_result_count = False


@admin.register(OptOut)
class OptOutAdmin(BigTableAdmin):
    list_display = ("number", "tenant", "source", "created_at")
    list_select_related = ("tenant",)
    exact_fields = ("number",)
