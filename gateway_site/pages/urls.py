"""Paths of the pages that look across the apps."""

from django.urls import path

from gateway_site import home
from gateway_site.pages import audit, developers, settings

urlpatterns = [
    path("overview/now", home.now, name="home-now"),
    path("developers", developers.developers, name="developers"),
    path("developers/keys", developers.create, name="developers-create"),
    path("developers/keys/<str:key_id>/revoke", developers.revoke, name="developers-revoke"),
    path("developers/requests", developers.requests, name="developers-requests"),
    path("settings", settings.account, name="settings"),
    path("settings/keywords", settings.keywords, name="settings-keywords"),
    path("settings/keywords/preview", settings.preview, name="settings-preview"),
    path("audit", audit.audit, name="audit"),
]
