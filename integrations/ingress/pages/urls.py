"""Paths of the pages about integrations."""

from django.urls import path

from integrations.ingress.pages import views, wizard

urlpatterns = [
    path("integrations", views.integrations, name="integrations"),
    path("integrations/new", wizard.new, name="integrations-new"),
    path("integrations/<str:ingress_id>", views.integration, name="integrations-detail"),
    path("integrations/<str:ingress_id>/setup", wizard.setup, name="integrations-setup"),
    path("integrations/<str:ingress_id>/first", wizard.first_payload, name="integrations-first"),
    path("integrations/<str:ingress_id>/fresh", views.fresh, name="integrations-fresh"),
    path("integrations/<str:ingress_id>/paths", views.save_paths, name="integrations-paths"),
    path("integrations/<str:ingress_id>/try", views.try_paths, name="integrations-try"),
    path("integrations/<str:ingress_id>/options", views.save_options, name="integrations-options"),
    path("integrations/<str:ingress_id>/rotate", views.rotate, name="integrations-rotate"),
    path("integrations/<str:ingress_id>/delete", views.delete, name="integrations-delete"),
]
