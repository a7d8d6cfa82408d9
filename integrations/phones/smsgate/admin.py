"""Staff's view of phones with the SMSGate app: never a key or a token."""

from django.contrib import admin

from accounts.staff import ReadOnlyAdmin
from integrations.phones.smsgate.models import PairedApp


@admin.register(PairedApp)
class PairedAppAdmin(ReadOnlyAdmin):
    list_display = ["device", "app_version", "stream_seen_at", "ping_seen_at", "clock_skew_seconds"]
    list_select_related = ["device"]
    search_fields = ["device__name", "device__tenant__name"]
    exclude = ["signing_key", "push_token"]
