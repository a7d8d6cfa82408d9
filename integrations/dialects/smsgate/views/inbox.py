"""`/inbox`, and what their cloud has around it."""

from django.http import HttpRequest, HttpResponse

from accounts.api.lists import read_query
from accounts.api.views import json_response
from integrations.dialects.smsgate.auth import SmsGateView
from integrations.dialects.smsgate.errors import NotOffered
from integrations.dialects.smsgate.inputs import InboxQuery
from integrations.dialects.smsgate.outputs import incoming_out
from integrations.dialects.smsgate.queries import page_of_inbox


class InboxView(SmsGateView):
    scopes = {"GET": "inbox:list"}

    def get(self, request: HttpRequest) -> HttpResponse:
        """What came in, newest first."""
        query = read_query(request.GET.dict(), InboxQuery)
        messages, total = page_of_inbox(self.tenant, query)
        answer = json_response([incoming_out(message) for message in messages])
        answer["X-Total-Count"] = str(total)
        return answer


class RefreshView(SmsGateView):
    """Their cloud keeps no texts, so it has phones tell them again; here all are kept and told."""

    scopes = {"POST": "inbox:refresh"}

    def post(self, request: HttpRequest) -> HttpResponse:
        raise NotOffered("Every text is stored and told as it comes. Read the inbox, or replay.")


class ExportView(RefreshView):
    scopes = {"POST": "messages:export"}


class LogsView(SmsGateView):
    scopes = {"GET": "logs:read"}

    def get(self, request: HttpRequest) -> HttpResponse:
        raise NotOffered("Phones do not send their logs here.")
