"""The native API's paths about rules, below `/v1/`."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
