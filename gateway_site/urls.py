"""All paths."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView

from gateway_site import health, home, views
from gateway_site.pages import start
from gateway_site.pages.reference import Reference

handler400 = "gateway_site.views.bad_request"
handler404 = "gateway_site.views.page_not_found"
handler500 = "gateway_site.views.server_error"

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("v1/", include("messaging.api.urls")),
    path("v1/", include("devices.api.urls")),
    path("v1/", include("webhooks.api.urls")),
    path("v1/", include("rules.api.urls")),
    path("v1/", include("integrations.ingress.urls")),
    path("v1/openapi.yaml", SpectacularAPIView.as_view(), name="openapi"),
    path("v1/docs", Reference.as_view(), name="api-docs"),
    re_path("^v1(?:/|$)", views.unknown_api_path),
    path("api/3rdparty/v1/", include("integrations.dialects.smsgate.urls")),
    re_path("^api/mobile/v1(?=/|$)", include("integrations.phones.smsgate.urls")),
    path("pair", home.pair, name="pair"),
    path("start", start.start, name="start"),
    path("start/step/<str:name>", start.step, name="start-step"),
    path("start/text", start.send_text, name="start-text"),
    path("start/key", start.make_key, name="start-key"),
    path("start/simulated-phone", start.simulated_phone, name="start-simulated-phone"),
    path("start/dismiss", start.dismiss, name="start-dismiss"),
    path("", include("gateway_site.pages.urls")),
    path("", include("accounts.pages.urls")),
    path("", include("devices.pages.urls")),
    path("", include("messaging.pages.phone_urls")),
    path("", include("messaging.pages.people_urls")),
    path("", include("messaging.pages.urls")),
    path("", include("webhooks.pages.urls")),
    path("", include("integrations.ingress.pages.urls")),
    path("", include("rules.pages.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),  # people type it so
    path("admin/", admin.site.urls),
    path("", home.home, name="home"),
]
