"""API keys: make, revoke, and recognise them on every request."""

import ipaddress
import re
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cachetools import TTLCache
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.errors import (
    InvalidApiKey,
    InvalidInput,
    IpNotAllowed,
    TenantInactive,
    Unauthorized,
)
from accounts.limits import Kind, check_limit
from accounts.models import ApiKey, Tenant, User
from accounts.secrets import has_valid_checksum, keyed_hash, new_api_key
from accounts.services.audit import record_audit

SCOPES = (
    "messages:send",
    "messages:read",
    "devices:read",
    "devices:write",
    "contacts:read",
    "contacts:write",
    "rules:read",
    "rules:write",
    "webhooks:read",
    "webhooks:write",
    "ingress:read",
    "ingress:write",
    "settings:read",
    "settings:write",
)

# A look-up per request would cost more than the rest of the authentication. Revoking or suspending
# clears this process's cache at once and every other's within these seconds (promised: 60).
_CACHE_SECONDS = 10
_cache: TTLCache[str, ApiKey] = TTLCache(maxsize=10_000, ttl=_CACHE_SECONDS)
_cache_lock = threading.Lock()
_FORM = re.compile(rf"(?:{ApiKey.LIVE}|{ApiKey.TEST})[0-9A-Za-z]{{40}}", re.ASCII)
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """How a key is to be: what it may do, until when, from which networks (CIDR)."""

    name: str
    scopes: tuple[str, ...] = SCOPES
    prefix: str = ApiKey.LIVE
    expires_at: datetime | None = None
    allowed_networks: tuple[str, ...] = field(default=())


@transaction.atomic
def create_api_key(*, tenant: Tenant, new: NewApiKey, actor: User | None) -> tuple[ApiKey, str]:
    """Store a new key; returns it with its secret, which nobody can read again.

    Raises InvalidInput for a network that is none, LimitReached.
    """
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)  # one at a time
    check_limit(tenant, Kind.API_KEYS, used=live_keys(tenant).count())
    secret = new_api_key(new.prefix)
    api_key = ApiKey.objects.create(
        tenant=tenant,
        name=new.name,
        prefix=secret[:12],
        secret_hash=keyed_hash(secret),
        scopes=list(new.scopes),
        allowed_networks=_canonical(new.allowed_networks),
        expires_at=new.expires_at,
    )
    record_audit(
        tenant=tenant,
        actor=actor,
        action="api_key.created",
        target=api_key.external_id,
        name=new.name,
    )
    return api_key, secret


def live_keys(tenant: Tenant) -> QuerySet[ApiKey]:
    """Those that are neither revoked nor expired."""
    unrevoked = ApiKey.objects.filter(tenant=tenant, revoked_at=None)
    return unrevoked.exclude(expires_at__lte=timezone.now())


@transaction.atomic
def revoke_api_key(*, api_key: ApiKey, actor: User | None) -> bool:
    """End a key; True if it was live. Elsewhere it works for at most ten more seconds."""
    revoked = ApiKey.objects.filter(pk=api_key.pk, revoked_at=None).update(
        revoked_at=timezone.now()
    )
    if revoked:
        record_audit(
            tenant=api_key.tenant,
            actor=actor,
            action="api_key.revoked",
            target=api_key.external_id,
        )
        transaction.on_commit(forget_cached_keys, robust=True)
    return bool(revoked)


def authenticate_key(*, secret: str, address: str) -> ApiKey:
    """The key (with its tenant) behind `secret`, used from the network address `address`.

    Raises Unauthorized for what has not the form of a key, InvalidApiKey, IpNotAllowed or
    TenantInactive.
    """
    if not _FORM.fullmatch(secret):
        raise Unauthorized
    if not has_valid_checksum(secret):
        raise InvalidApiKey
    api_key = _find(keyed_hash(secret))
    if api_key is None:
        raise InvalidApiKey
    check_use(api_key=api_key, address=address)
    return api_key


def check_use(*, api_key: ApiKey, address: str) -> None:
    """Whether a key that was recognised may be used now and from there; notes that it was.

    Raises InvalidApiKey, IpNotAllowed or TenantInactive.
    """
    if not api_key.is_live:
        raise InvalidApiKey
    if api_key.allowed_networks and not _is_allowed(address, api_key.allowed_networks):
        raise IpNotAllowed(f"This API key may not be used from {address or 'an unknown address'}.")
    if not api_key.tenant.is_active:
        raise TenantInactive
    _note_use(api_key)


def forget_cached_keys() -> None:
    """Make the next request of every key ask the database."""
    with _cache_lock:
        _cache.clear()


def _find(secret_hash: str) -> ApiKey | None:
    with _cache_lock:
        api_key = _cache.get(secret_hash)
    if api_key is None:
        known = ApiKey.objects.select_related("tenant__plan")
        api_key = known.filter(secret_hash=secret_hash).first()
        if api_key is not None:
            with _cache_lock:
                _cache[secret_hash] = api_key
    return api_key


def _canonical(networks: tuple[str, ...]) -> list[str]:
    try:
        return [str(ipaddress.ip_network(network, strict=False)) for network in networks]
    except ValueError as error:
        raise InvalidInput.at("allowedNetworks", "invalid_network", f"{error}.") from error


def _is_allowed(address: str, networks: list[str]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    # A socket that serves both families tells IPv4 addresses as ::ffff:203.0.113.9.
    parsed = getattr(parsed, "ipv4_mapped", None) or parsed
    return any(parsed in ipaddress.ip_network(network, strict=False) for network in networks)


def _note_use(api_key: ApiKey) -> None:
    """At most one write a minute for a key, however many processes use it."""
    now = timezone.now()
    due_before = now - _USE_IS_NOTED_EVERY
    if api_key.last_used_at is not None and api_key.last_used_at > due_before:
        return
    api_key.last_used_at = now
    ApiKey.objects.filter(
        Q(last_used_at=None) | Q(last_used_at__lte=due_before), pk=api_key.pk
    ).update(last_used_at=now)
