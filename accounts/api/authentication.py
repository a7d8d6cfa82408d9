"""From an HTTP request to the API key behind it, within its limits."""

from base64 import b64decode

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
    admit(request, api_key, scope)
    return api_key


def credentials(request: HttpRequest) -> tuple[str, str]:
    """Scheme, in lower case, and the rest of the `Authorization` header; empty where absent."""
    return parse_credentials(request.META.get("HTTP_AUTHORIZATION", ""))


def parse_credentials(authorization: str) -> tuple[str, str]:
    """Scheme, in lower case, and the rest of an `Authorization` header."""
    scheme, _, secret = authorization.partition(" ")
    return scheme.lower(), secret.strip()


def bearer_secret(authorization: str) -> str:
    """The secret in an `Authorization` header; "" when it has no bearer's."""
    scheme, secret = parse_credentials(authorization)
    return secret if scheme == "bearer" else ""


def basic_password(secret: str) -> str:
    """The password in what follows `Basic` (RFC 7617); raises Unauthorized for no such thing."""
    try:
        _, colon, password = b64decode(secret, validate=True).decode().partition(":")
    except ValueError as error:
        raise Unauthorized from error
    if not colon:
        raise Unauthorized
    return password


def admit(request: HttpRequest, api_key: ApiKey, scope: str | None) -> None:
    """Count the request of a key that was recognised, in whatever way; None needs no scope.

    Raises RateLimited, or Forbidden when the key lacks `scope`.
    """
    request.tenant_id = api_key.tenant_id  # type: ignore[attr-defined]  # for the logs
    request.key_prefix = api_key.prefix  # type: ignore[attr-defined]  # likewise
    request.rate_allowance = spend(  # type: ignore[attr-defined]
        Limit("api", settings.API_REQUESTS_PER_MINUTE, 60), str(api_key.tenant_id)
    )
    if scope is not None and scope not in api_key.scopes:
        raise Forbidden(f"This API key lacks the scope {scope!r}.")


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
