"""Staff's view of webhooks: where, when and how it went; never secrets, URLs or what was said.

A URL's path and query are often the receiver's only secret, so its host is all that is shown.
"""

from urllib.parse import urlsplit

from django.contrib import admin

from accounts.staff import BigTableAdmin, ReadOnlyAdmin
from webhooks.models import Delivery, DeliveryAttempt, Endpoint


@admin.register(Endpoint)
class EndpointAdmin(ReadOnlyAdmin):
    list_display = ["external_id", "tenant", "kind", "host", "state", "failing_since"]
    list_filter = ["kind", "state"]
    list_select_related = ["tenant"]
    search_fields = ["tenant__name"]
    readonly_fields = ["host"]
    exclude = ["url", "secret", "previous_secret"]

    @admin.display(ordering="url")
    def host(self, endpoint: Endpoint) -> str:
        return urlsplit(endpoint.url).netloc


class DeliveryAttemptInline(admin.TabularInline):  # type: ignore[type-arg]
    model = DeliveryAttempt
    extra = 0
    can_delete = False
    fields = ["started_at", "duration_ms", "address", "status", "error"]
    readonly_fields = ("started_at", "duration_ms", "address", "status", "error")


@admin.register(Delivery)
class DeliveryAdmin(BigTableAdmin):
    list_display = ["external_id", "tenant", "event", "host", "status", "created_at"]
    list_select_related = ["tenant", "event"]
    readonly_fields = ["host"]
    exclude = ["url"]
    inlines = [DeliveryAttemptInline]

    @admin.display
    def host(self, delivery: Delivery) -> str:
        return urlsplit(delivery.url).netloc
