"""Paths of the pages about rules."""

from django.urls import path

from rules.pages import bench, editor, runs, views

urlpatterns = [
    path("rules", views.rules, name="rules"),
    path("rules/order", views.order, name="rules-order"),
    path("rules/counts", views.counts, name="rules-counts"),
    path("rules/settings", views.settings, name="rules-settings"),
    path("rules/new", editor.new, name="rules-new"),
    path("rules/preview", editor.preview, name="rules-preview"),
    path("rules/test", bench.bench, name="rules-test"),
    path("rules/receive", bench.receive, name="rules-receive"),
    path("rules/runs", runs.runs, name="rules-runs"),
    path("rules/runs/newer", runs.newer, name="rules-runs-newer"),
    path("rules/runs/<str:run_id>", runs.run, name="rules-run"),
    path("rules/<str:rule_id>", editor.edit, name="rules-edit"),
    path("rules/<str:rule_id>/switch", views.switch, name="rules-switch"),
    path("rules/<str:rule_id>/delete", editor.delete, name="rules-delete"),
]
