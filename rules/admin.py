"""Staff's view of rules: what they are to do and what came of it, never what was said."""

from django.contrib import admin

from accounts.staff import BigTableAdmin, ReadOnlyAdmin
from rules.models import Rule, RuleAction, RuleRun


class RuleActionInline(admin.TabularInline):  # type: ignore[type-arg]
    model = RuleAction
    extra = 0
    can_delete = False
    fields = ["kind", "status", "attempts", "result", "error_code", "error", "finished_at"]
    readonly_fields = ("kind", "status", "attempts", "result", "error_code", "error", "finished_at")


@admin.register(Rule)
class RuleAdmin(ReadOnlyAdmin):
    list_display = ["name", "tenant", "priority", "match_type", "is_enabled"]
    list_filter = ["match_type", "is_enabled"]
    list_select_related = ["tenant"]
    search_fields = ["name", "tenant__name"]


@admin.register(RuleRun)
class RuleRunAdmin(BigTableAdmin):
    list_display = ["external_id", "tenant", "rule_name", "sender", "skipped", "created_at"]
    list_select_related = ["tenant"]
    exact_fields = ("sender",)
    inlines = [RuleActionInline]
