"""Access tokens: short-lived deputies of an API key, for dialects whose clients ask for them.

Nothing of them is cached, so a revoked token, and the token of a revoked key or a suspended tenant,
ends with the very next request.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.errors import InvalidApiKey, NotFound
from accounts.ids import decode_short_id
from accounts.models import AccessToken, ApiKey, Tenant
from accounts.secrets import keyed_hash, new_token
from accounts.services.api_keys import check_use

LONGEST = timedelta(days=30)
_UNKNOWN = "This token is unknown, expired, revoked or was used up. Ask for a new one."


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token with its two secrets, which nobody can read again."""

    token: AccessToken
    access: str
    refresh: str


def issue_token(
    *, api_key: ApiKey, dialect: str, scopes: Sequence[str], lifetime: timedelta
) -> IssuedToken:
    """A token of `api_key` that lives for `lifetime`, but at most LONGEST."""
    access, refresh = new_token(AccessToken.ACCESS), new_token(AccessToken.REFRESH)
    now = timezone.now()
    token = AccessToken.objects.create(
        tenant=api_key.tenant,
        api_key=api_key,
        dialect=dialect,
        scopes=list(scopes),
        access_hash=keyed_hash(access),
        refresh_hash=keyed_hash(refresh),
        expires_at=now + min(lifetime, LONGEST),
        refresh_until=now + LONGEST,
    )
    return IssuedToken(token, access, refresh)


@transaction.atomic
def refresh_token(*, secret: str, dialect: str, address: str) -> IssuedToken:
    """The next token for a refresh token, which works once; the old access token runs out.

    Raises InvalidApiKey, IpNotAllowed or TenantInactive.
    """
    now = timezone.now()
    known = AccessToken.objects.filter(
        refresh_hash=keyed_hash(secret), dialect=dialect, refresh_until__gt=now
    )
    # The guarded UPDATE is the claim: of two that come at once, one gets the next token.
    if not known.filter(revoked_at=None, refreshed_at=None).update(refreshed_at=now):
        raise InvalidApiKey(_UNKNOWN)
    token = known.select_related("api_key__tenant__plan").get()
    check_use(api_key=token.api_key, address=address)
    lifetime = token.expires_at - token.created_at
    return issue_token(
        api_key=token.api_key, dialect=dialect, scopes=token.scopes, lifetime=lifetime
    )


def revoke_token(*, tenant: Tenant, dialect: str, external_id: str) -> None:
    """End a token, and what could be got for it; raises NotFound for another tenant's."""
    tokens = AccessToken.objects.filter(tenant=tenant, dialect=dialect, revoked_at=None)
    public_id = decode_short_id(external_id)
    if public_id is None or not tokens.filter(public_id=public_id).update(
        revoked_at=timezone.now()
    ):
        raise NotFound


def authenticate_token(*, secret: str, dialect: str, address: str) -> AccessToken:
    """The token (with its key and tenant) behind `secret`, used from the address `address`.

    Raises InvalidApiKey, IpNotAllowed or TenantInactive.
    """
    tokens = AccessToken.objects.select_related("api_key__tenant__plan")
    token = tokens.filter(access_hash=keyed_hash(secret), dialect=dialect).first()
    if token is None or not token.is_live:
        raise InvalidApiKey(_UNKNOWN)
    check_use(api_key=token.api_key, address=address)
    return token


def prune_tokens() -> int:
    """Delete those that nobody can use in any way; how many it were."""
    deleted, _ = AccessToken.objects.filter(refresh_until__lt=timezone.now()).delete()
    return deleted
