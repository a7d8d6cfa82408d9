"""All paths."""

from django.contrib import admin
from django.urls import include, path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from gateway_site import health, home, views

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
    path("v1/docs", SpectacularSwaggerSplitView.as_view(url_name="openapi"), name="api-docs"),
    re_path("^v1(?:/|$)", views.unknown_api_path),
    path("pair", home.pair, name="pair"),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("", home.home, name="home"),
]
