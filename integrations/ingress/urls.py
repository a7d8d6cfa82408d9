"""The native API's paths about ingresses, below `/v1/`."""

from django.urls import path

from integrations.ingress.api import views

urlpatterns = [
    path("ingress", views.IngressesView.as_view()),
    path("ingress/<str:ingress_id>", views.IngressView.as_view()),
    path("ingress/<str:ingress_id>/rotate-token", views.RotateTokenView.as_view()),
    path("ingress/<str:ingress_id>/payloads", views.PayloadsView.as_view()),
    path("ingress/<str:ingress_id>/dry-run", views.DryRunView.as_view()),
]
