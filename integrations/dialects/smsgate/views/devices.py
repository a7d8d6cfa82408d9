"""`/devices` and `/device`."""

from django.http import HttpRequest, HttpResponse

from accounts.api.views import json_response
from devices.queries import devices_for
from devices.services.devices import revoke_device
from integrations.dialects.smsgate.auth import SmsGateView
from integrations.dialects.smsgate.outputs import device_out
from integrations.dialects.smsgate.queries import phone_for


class DevicesView(SmsGateView):
    scopes = {"GET": "devices:list"}

    def get(self, request: HttpRequest) -> HttpResponse:
        """The paired phones."""
        return json_response([device_out(device) for device in devices_for(self.tenant)])


class DeviceView(SmsGateView):
    scopes = {"DELETE": "devices:delete"}

    def delete(self, request: HttpRequest, phone_id: str) -> HttpResponse:
        """End a phone's pairing."""
        revoke_device(device=phone_for(self.tenant, phone_id), actor=None)
        return HttpResponse(status=204)
