"""Paths of the pages about webhooks."""

from django.urls import path

from webhooks.pages import actions, deliveries, views

urlpatterns = [
    path("webhooks", views.webhooks, name="webhooks"),
    path("webhooks/new", views.new, name="webhooks-new"),
    path("webhooks/deliveries", deliveries.deliveries, name="webhooks-deliveries"),
    path("webhooks/deliveries/fresh", deliveries.fresh, name="webhooks-deliveries-fresh"),
    path("webhooks/deliveries/<str:delivery_id>", deliveries.delivery, name="webhooks-delivery"),
    path("webhooks/deliveries/<str:delivery_id>/tries", deliveries.tries, name="webhooks-tries"),
    path(
        "webhooks/deliveries/<str:delivery_id>/test",
        deliveries.test_outcome,
        name="webhooks-test-outcome",
    ),
    path(
        "webhooks/deliveries/<str:delivery_id>/replay",
        deliveries.replay,
        name="webhooks-replay-delivery",
    ),
    path("webhooks/<str:endpoint_id>", views.endpoint, name="webhooks-detail"),
    path("webhooks/<str:endpoint_id>/fresh", views.fresh, name="webhooks-fresh"),
    path("webhooks/<str:endpoint_id>/edit", actions.edit, name="webhooks-edit"),
    path("webhooks/<str:endpoint_id>/test", actions.test, name="webhooks-test"),
    path("webhooks/<str:endpoint_id>/pause", actions.pause, name="webhooks-pause"),
    path("webhooks/<str:endpoint_id>/resume", actions.resume, name="webhooks-resume"),
    path("webhooks/<str:endpoint_id>/enable", actions.enable, name="webhooks-enable"),
    path("webhooks/<str:endpoint_id>/disable", actions.disable, name="webhooks-disable"),
    path("webhooks/<str:endpoint_id>/rotate", actions.rotate, name="webhooks-rotate"),
    path("webhooks/<str:endpoint_id>/replay", actions.replay, name="webhooks-replay"),
    path("webhooks/<str:endpoint_id>/delete", actions.delete, name="webhooks-delete"),
]
