"""Staff's view of phones."""

from django.contrib import admin

from accounts.staff import ReadOnlyAdmin
from devices.models import Device, Sim


class SimInline(admin.TabularInline):  # type: ignore[type-arg]
    model = Sim
    extra = 0
    can_delete = False
    exclude = ["tenant"]


@admin.register(Device)
class DeviceAdmin(ReadOnlyAdmin):
    list_display = ["name", "tenant", "kind", "status", "is_online", "last_seen_at"]
    list_filter = ["kind", "status", "is_online"]
    list_select_related = ["tenant"]
    search_fields = ["name", "tenant__name", "sims__number"]
    inlines = [SimInline]
