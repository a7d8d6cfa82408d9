"""The native API's paths about ingresses, below `/v1/`."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
