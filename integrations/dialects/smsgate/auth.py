"""Who calls: Basic with an API key for the password, or Bearer with a key or an access token."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from accounts.api.authentication import admit, basic_password, client_address, credentials
from accounts.api.views import FaceView
from accounts.errors import Forbidden, GatewayError, Unauthorized
from accounts.models import AccessToken, ApiKey
from accounts.services.access_tokens import authenticate_token
from accounts.services.api_keys import authenticate_key
from integrations.dialects.smsgate.errors import error_response

DIALECT = "smsgate"
ALL = "all:any"
# Their scope -> what a key needs for it; None: any key may.
SCOPES: dict[str, str | None] = {
    "messages:send": "messages:send",
    "messages:cancel": "messages:send",
    "messages:read": "messages:read",
    "messages:list": "messages:read",
    "messages:export": "messages:read",
    "inbox:list": "messages:read",
    "inbox:refresh": "messages:read",
    "logs:read": "messages:read",
    "devices:list": "devices:read",
    "devices:delete": "devices:write",
    "webhooks:list": "webhooks:read",
    "webhooks:write": "webhooks:write",
    "webhooks:delete": "webhooks:write",
    "settings:read": "settings:read",
    "settings:write": "settings:write",
    "tokens:manage": None,  # a token can do no more than the key that it is for
}


class SmsGateView(FaceView):
    """One path of this API; `scopes` are in its words."""

    granted: tuple[str, ...] = (ALL,)  # what an access token was given

    def authorize(self, request: HttpRequest, scope: str) -> ApiKey:
        scheme, secret = credentials(request)
        if scheme not in ("basic", "bearer"):
            raise Unauthorized
        if scheme == "basic":
            secret = basic_password(secret)
        address = client_address(request)
        if secret.startswith(AccessToken.ACCESS):
            token = authenticate_token(secret=secret, dialect=DIALECT, address=address)
            api_key, self.granted = token.api_key, tuple(token.scopes)
        else:
            api_key = authenticate_key(secret=secret, address=address)
        admit(request, api_key, SCOPES[scope])
        if not {scope, ALL} & set(self.granted):
            raise Forbidden(f"This token lacks the scope {scope!r}.")
        return api_key

    def error_response(self, error: GatewayError, request: HttpRequest) -> HttpResponse:
        return error_response(error, request)
