"""Paths of the pages about phones."""

from django.urls import path

from devices.pages import pairing, views

urlpatterns = [
    path("devices", views.devices, name="devices"),
    path("devices/cards", views.cards, name="devices-cards"),
    path("devices/pair", pairing.pair, name="devices-pair"),
    path("devices/pair/<int:code_id>", pairing.pair_state, name="devices-pair-state"),
    path("devices/<str:device_id>", views.device, name="devices-detail"),
    path("devices/<str:device_id>/facts", views.facts, name="devices-facts"),
    path("devices/<str:device_id>/rename", views.rename, name="devices-rename"),
    path("devices/<str:device_id>/default", views.make_default, name="devices-default"),
    path("devices/<str:device_id>/pause", views.pause, name="devices-pause"),
    path("devices/<str:device_id>/resume", views.resume, name="devices-resume"),
    path("devices/<str:device_id>/revoke", views.revoke, name="devices-revoke"),
    path("devices/<str:device_id>/sims/<int:slot>", views.limit, name="devices-limits"),
]
