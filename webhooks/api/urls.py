"""The native API's paths about webhooks, below `/v1/`."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
