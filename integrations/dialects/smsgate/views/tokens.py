"""`/auth/token`."""

from datetime import timedelta

from django.db import transaction
from django.http import HttpRequest, HttpResponse

from accounts.api.authentication import admit, client_address, credentials
from accounts.api.bodies import read_body
from accounts.api.views import json_response
from accounts.errors import Unauthorized
from accounts.services.access_tokens import issue_token, refresh_token, revoke_token
from integrations.dialects.smsgate.auth import DIALECT, SmsGateView
from integrations.dialects.smsgate.inputs import TokenIn
from integrations.dialects.smsgate.outputs import token_out

DEFAULT_SECONDS = 86_400


class TokensView(SmsGateView):
    scopes = {"POST": "tokens:manage"}

    def post(self, request: HttpRequest) -> HttpResponse:
        """A token that may do less than the key, for a while."""
        wanted = read_body(request, TokenIn)
        wanted.check(self.granted)
        lifetime = timedelta(seconds=wanted.seconds or DEFAULT_SECONDS)
        issued = issue_token(
            api_key=self.api_key, dialect=DIALECT, scopes=wanted.scopes, lifetime=lifetime
        )
        return json_response(token_out(issued), status=201)


class TokenRefreshView(SmsGateView):
    """The refresh token itself authorises."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """The next token for a refresh token, once."""
        scheme, secret = credentials(request)
        if scheme != "bearer":
            raise Unauthorized
        with transaction.atomic():  # a token that is refused for too many requests is not used up
            issued = refresh_token(secret=secret, dialect=DIALECT, address=client_address(request))
            admit(request, issued.token.api_key, None)
        return json_response(token_out(issued), status=201)


class TokenView(SmsGateView):
    scopes = {"DELETE": "tokens:manage"}

    def delete(self, request: HttpRequest, token_id: str) -> HttpResponse:
        """End a token at once."""
        revoke_token(tenant=self.tenant, dialect=DIALECT, external_id=token_id)
        return HttpResponse(status=204)
