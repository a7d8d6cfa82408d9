"""The native API's paths about rules, below `/v1/`."""

from django.urls import path

from rules.api import views

urlpatterns = [
    path("rules", views.RulesView.as_view()),
    path("rules/reorder", views.OrderView.as_view()),
    path("rules/test", views.DryRunView.as_view()),
    path("rules/settings", views.SettingsView.as_view()),
    path("rules/runs", views.RunsView.as_view()),
    path("rules/<str:rule_id>", views.RuleView.as_view()),
]
