"""From an HTTP request to the API key behind it, within its limits."""

from django.conf import settings
from django.http import HttpRequest

from accounts.errors import Forbidden, Unauthorized
from accounts.models import ApiKey
from accounts.services.api_keys import authenticate_key
from accounts.services.limits import Limit, spend


def authorize(request: HttpRequest, scope: str) -> ApiKey:
    """The key that `request` carries, with its tenant; counts the request.

    Raises Unauthorized, InvalidApiKey, IpNotAllowed, TenantInactive, RateLimited, or Forbidden when
    the key lacks `scope`. The tenant and its allowance are left on the request for what answers.
    """
    secret = bearer_secret(request.META.get("HTTP_AUTHORIZATION", ""))
    if not secret:
        raise Unauthorized
    api_key = authenticate_key(secret=secret, address=client_address(request))
    request.tenant_id = api_key.tenant_id  # type: ignore[attr-defined]  # for the logs
    request.rate_allowance = spend(  # type: ignore[attr-defined]
        Limit("api", settings.API_REQUESTS_PER_MINUTE, 60), str(api_key.tenant_id)
    )
    if scope not in api_key.scopes:
        raise Forbidden(f"This API key lacks the scope {scope!r}.")
    return api_key


def bearer_secret(authorization: str) -> str:
    """The secret in an `Authorization` header; "" when it has no bearer's."""
    scheme, _, secret = authorization.partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else ""


def client_address(request: HttpRequest) -> str:
    """The caller's address: the socket's, or the one that our outermost trusted proxy saw.

    Each proxy appends to X-Forwarded-For, so only the last TRUSTED_PROXY_COUNT entries are ours;
    what is left of them was written by the client.
    """
    trusted: int = settings.TRUSTED_PROXY_COUNT
    hops = [hop.strip() for hop in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
    if trusted and len(hops) >= trusted and hops[-trusted]:
        return str(hops[-trusted])
    return str(request.META.get("REMOTE_ADDR", ""))
