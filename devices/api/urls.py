"""The native API's paths about devices, below `/v1/`."""

from django.urls import path

from devices.api import views

urlpatterns = [
    path("devices", views.DevicesView.as_view()),
    path("devices/pairing-codes", views.PairingCodesView.as_view()),
    path("devices/<str:device_id>", views.DeviceView.as_view()),
    path("device/pair", views.PairView.as_view()),
]
