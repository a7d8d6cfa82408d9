"""The native API's paths about webhooks, below `/v1/`."""

from django.urls import path

from webhooks.api import delivery_views, endpoint_views

urlpatterns = [
    path("webhooks", endpoint_views.WebhookView.as_view()),
    path("webhooks/endpoints", endpoint_views.EndpointsView.as_view()),
    path("webhooks/endpoints/<str:endpoint_id>", endpoint_views.EndpointView.as_view()),
    path(
        "webhooks/endpoints/<str:endpoint_id>/rotate-secret",
        endpoint_views.RotateSecretView.as_view(),
    ),
    path("webhooks/endpoints/<str:endpoint_id>/test", endpoint_views.EndpointTestView.as_view()),
    path(
        "webhooks/endpoints/<str:endpoint_id>/replay", endpoint_views.EndpointReplayView.as_view()
    ),
    path("webhooks/deliveries", delivery_views.DeliveriesView.as_view()),
    path("webhooks/deliveries/<str:delivery_id>", delivery_views.DeliveryView.as_view()),
    path(
        "webhooks/deliveries/<str:delivery_id>/replay", delivery_views.DeliveryReplayView.as_view()
    ),
]
