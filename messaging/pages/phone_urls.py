"""Paths below the page of a phone that are about its texts."""

from django.urls import path

from messaging.pages import phones

urlpatterns = [
    path("devices/<str:device_id>/log", phones.phone_log, name="devices-log"),
    path("devices/<str:device_id>/test-sms", phones.sms_test, name="devices-test-sms"),
    path(
        "devices/<str:device_id>/test-sms/<str:message_id>",
        phones.sms_test_state,
        name="devices-test-sms-state",
    ),
]
