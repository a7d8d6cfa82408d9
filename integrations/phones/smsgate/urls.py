"""Paths below `/api/mobile/v1`: without redirects, whatever slashes come along."""

from django.urls import re_path

from integrations.phones.smsgate import views
from integrations.phones.smsgate.endpoints import endpoint

urlpatterns = [
    re_path(
        r"^/*device/*$",
        endpoint(POST=views.register, PATCH=views.update, GET=views.address),
    ),
    re_path(r"^/*message/*$", endpoint(GET=views.list_messages, PATCH=views.report_states)),
    re_path(r"^/*settings/*$", endpoint(GET=views.show_settings)),
    re_path(r"^/*webhooks/*$", endpoint(GET=views.list_webhooks)),
    re_path(r"^/*events/*$", endpoint(GET=views.events)),
    re_path(r"^/*in/(?P<device>[0-9A-Za-z]+)/(?P<secret>\w+)/*$", endpoint(POST=views.take)),
    re_path(r"^/*user/code/*$", endpoint(GET=views.refuse)),
    re_path(r"^/*user/password/*$", endpoint(PATCH=views.refuse)),
    re_path(
        "",
        endpoint(**dict.fromkeys(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"), views.unknown)),
    ),
]
