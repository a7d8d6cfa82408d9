"""`/webhooks`."""

from django.http import HttpRequest, HttpResponse

from accounts.api.bodies import read_body
from accounts.api.views import json_response
from integrations.dialects.smsgate.auth import SmsGateView
from integrations.dialects.smsgate.inputs import WebhookIn
from integrations.dialects.smsgate.outputs import webhook_out
from integrations.dialects.smsgate.queries import webhook_for, webhooks_for
from integrations.dialects.smsgate.services.webhooks import register_webhook
from webhooks.services.endpoints import delete_endpoint


class WebhooksView(SmsGateView):
    scopes = {"GET": "webhooks:list", "POST": "webhooks:write"}

    def get(self, request: HttpRequest) -> HttpResponse:
        """What was registered here."""
        return json_response([webhook_out(endpoint) for endpoint in webhooks_for(self.tenant)])

    def post(self, request: HttpRequest) -> HttpResponse:
        """Register one event at one URL; an id that is known is replaced."""
        wanted = read_body(request, WebhookIn)
        endpoint = register_webhook(tenant=self.tenant, wanted=wanted)
        return json_response(webhook_out(endpoint), status=201)


class WebhookView(SmsGateView):
    scopes = {"DELETE": "webhooks:delete"}

    def delete(self, request: HttpRequest, webhook_id: str) -> HttpResponse:
        """Tell that URL no more."""
        delete_endpoint(endpoint=webhook_for(self.tenant, webhook_id), actor=None)
        return HttpResponse(status=204)
