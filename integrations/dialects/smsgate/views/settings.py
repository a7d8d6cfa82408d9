"""`/settings`."""

from django.http import HttpRequest, HttpResponse

from accounts.api.bodies import read_body
from accounts.api.views import json_response
from integrations.dialects.smsgate.auth import SmsGateView
from integrations.dialects.smsgate.services.device_settings import change_settings, settings_of
from integrations.dialects.smsgate.settings_document import SettingsIn


class SettingsView(SmsGateView):
    scopes = {"GET": "settings:read", "PUT": "settings:write", "PATCH": "settings:write"}

    def get(self, request: HttpRequest) -> HttpResponse:
        """The document, without secrets."""
        return json_response(settings_of(self.tenant))

    def put(self, request: HttpRequest) -> HttpResponse:
        """Replace the document."""
        return self._change(request, is_whole=True)

    def patch(self, request: HttpRequest) -> HttpResponse:
        """Change what is given; null takes away."""
        return self._change(request, is_whole=False)

    def _change(self, request: HttpRequest, *, is_whole: bool) -> HttpResponse:
        changes = read_body(request, SettingsIn).changes()
        return json_response(
            change_settings(tenant=self.tenant, changes=changes, is_whole=is_whole)
        )
