"""`/messages` and `/message`."""

from urllib.parse import quote

from django.http import HttpRequest, HttpResponse

from accounts.api.bodies import read_body
from accounts.api.lists import read_query
from accounts.api.views import json_response
from integrations.dialects.smsgate.auth import SmsGateView
from integrations.dialects.smsgate.inputs import MessageIn, MessagesQuery, SendQuery
from integrations.dialects.smsgate.outputs import state_out
from integrations.dialects.smsgate.queries import batch_for, page_of_batches
from integrations.dialects.smsgate.services.batches import cancel_batch, check_phones, send_batch


class MessagesView(SmsGateView):
    scopes = {"GET": "messages:list", "POST": "messages:send"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """Send one text to up to 100 numbers."""
        query = read_query(request.GET.dict(), SendQuery)
        wanted = read_body(request, MessageIn)
        drafts = wanted.drafts(self.tenant, is_test=self.api_key.is_test)
        hours = query.device_active_within
        check_phones(tenant=self.tenant, draft=drafts[0], active_hours=hours)
        batch = send_batch(tenant=self.tenant, public_id=wanted.public_id, drafts=drafts)
        answer = json_response(state_out(batch), status=202)
        answer["Location"] = f"{request.path.rstrip('/')}/{quote(batch.public_id, safe='')}"
        return answer

    def get(self, request: HttpRequest) -> HttpResponse:
        """What was sent here."""
        query = read_query(request.GET.dict(), MessagesQuery)
        batches, total = page_of_batches(self.tenant, query)
        states = [state_out(batch, with_content=query.include_content) for batch in batches]
        answer = json_response(states)
        answer["X-Total-Count"] = str(total)
        return answer


class MessageView(SmsGateView):
    scopes = {"GET": "messages:read", "DELETE": "messages:cancel"}

    def get(self, request: HttpRequest, batch_id: str) -> HttpResponse:
        """What became of it, recipient by recipient."""
        return json_response(state_out(batch_for(self.tenant, batch_id)))

    def delete(self, request: HttpRequest, batch_id: str) -> HttpResponse:
        """Cancel what has not left yet."""
        cancel_batch(batch=batch_for(self.tenant, batch_id))
        return json_response(state_out(batch_for(self.tenant, batch_id)))
