"""A tenant's endpoints: what the tenant decides about them; failures decide in `health`."""

import secrets
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction
from django.utils import timezone

from accounts.errors import Conflict, InvalidInput, Issue, NotFound
from accounts.limits import Kind, check_limit, has_room
from accounts.models import Tenant, User
from accounts.secrets import encrypt
from accounts.services.audit import record_audit
from accounts.web_addresses import InvalidWebAddress, check_web_address
from webhooks.models import Endpoint
from webhooks.services.health import enable, hold_pending

EVENTS = (
    "message.received",
    "message.sent",
    "message.delivered",
    "message.failed",
    "message.expired",
    "message.canceled",
    "device.online",
    "device.offline",
    "device.alert",
    "device.alert_ended",
    "contact.unsubscribed",
)
DEFAULT_EVENTS = ("message.received",)
MAX_ENDPOINTS = 20  # of a tenant: each event may become as many deliveries
BY_TENANT, DELETED = "Disabled by the account.", "Deleted."
SECRET_BYTES = 32
PREVIOUS_SECRET_SIGNS = timedelta(hours=24)


def provision_first_endpoint(*, tenant: Tenant) -> dict[str, str]:
    """The endpoint that comes with a tenant's first phone; its signing secret, shown this once.

    Named in `FIRST_DEVICE_PROVISIONERS`; a tenant that has an endpoint keeps it, and one that may
    have none gets none.
    """
    may_have_one = has_room(tenant, Kind.ENDPOINTS, used=0)
    if not may_have_one or Endpoint.objects.of(tenant).exists():
        return {}
    _, secret = _create(tenant, url="", events=list(DEFAULT_EVENTS), name="")
    return {"signing_secret": secret}


@transaction.atomic
def create_endpoint(
    *,
    tenant: Tenant,
    url: str,
    actor: User | None,
    events: Sequence[str] = DEFAULT_EVENTS,
    name: str = "",
) -> tuple[Endpoint, str]:
    """A new endpoint, and its signing secret, which nobody can read again.

    Raises InvalidInput for the URL or an event, LimitReached, and Conflict when the tenant has 20.
    """
    _check_url(url)
    known = _known(events)
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)  # one at a time
    _check_room(tenant)
    endpoint, secret = _create(tenant, url=url, events=known, name=name)
    _audit(endpoint, actor, "created", host=_host(url), events=known, name=name)
    return endpoint, secret


@dataclass(frozen=True, slots=True)
class DialectEndpoint:
    """An endpoint as a dialect's client registers it, known to it as `options["id"]`."""

    name: str
    url: str
    events: Sequence[str]  # empty: the client registered for what never happens here
    format: str
    options: dict[str, Any]


@transaction.atomic
def put_dialect_endpoint(*, tenant: Tenant, wanted: DialectEndpoint) -> Endpoint:
    """The endpoint as wanted; one of the same format and `id` is changed.

    It never is the tenant's first endpoint, which could not be deleted again. Raises InvalidInput
    for the URL, LimitReached, and Conflict when the tenant has 20.
    """
    _check_url(wanted.url)
    Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)  # one at a time
    columns: dict[str, Any] = {
        "name": wanted.name,
        "url": wanted.url,
        "events": list(wanted.events),
        "options": wanted.options,
    }
    known = Endpoint.objects.of(tenant).select_related("tenant").filter(format=wanted.format)
    endpoint = next((e for e in known if e.options["id"] == wanted.options["id"]), None)
    verb = "created" if endpoint is None else "updated"
    if endpoint is None:
        provision_first_endpoint(tenant=tenant)
        _check_room(tenant)
        endpoint, _ = _create(tenant, format=wanted.format, **columns)
    else:
        untried = _untried() if wanted.url != endpoint.url else {}
        _write(endpoint, **columns, **untried)
    _audit(endpoint, None, verb, host=_host(wanted.url), events=columns["events"])
    return endpoint


@transaction.atomic
def update_endpoint(
    *,
    endpoint: Endpoint,
    actor: User | None,
    name: str | None = None,
    url: str | None = None,
    events: Sequence[str] | None = None,
) -> None:
    """Change what is given; None stays. A new URL also gets what waits, and starts untried.

    Raises InvalidInput for the URL or an event.
    """
    if url is not None:
        _check_url(url)
    wanted = {"name": name, "url": url, "events": _known(events) if events is not None else None}
    _lock(endpoint)
    changes: dict[str, Any] = {
        column: value
        for column, value in wanted.items()
        if value is not None and value != getattr(endpoint, column)
    }
    if not changes:
        return
    _write(endpoint, **changes, **(_untried() if "url" in changes else {}))
    if "url" in changes:
        changes["host"] = _host(changes.pop("url"))
    _audit(endpoint, actor, "updated", **changes)


@transaction.atomic
def rotate_secret(*, endpoint: Endpoint, actor: User | None) -> str:
    """A new signing secret, shown this once. The old one signs too for 24 hours.

    Rotating again within that time ends the one before last at once.
    """
    _lock(endpoint)
    secret = new_signing_secret()
    _write(
        endpoint,
        secret=encrypt(secret),
        secret_prefix=secret[:12],
        previous_secret=endpoint.secret,
        previous_secret_until=timezone.now() + PREVIOUS_SECRET_SIGNS,
    )
    _audit(endpoint, actor, "secret_rotated")
    return secret


@transaction.atomic
def pause_endpoint(*, endpoint: Endpoint, actor: User | None) -> bool:
    """Let its deliveries wait until it is resumed; True if it was enabled.

    Raises Conflict when it is disabled: there nothing waits.
    """
    _lock(endpoint)
    if endpoint.state == Endpoint.State.DISABLED:
        raise Conflict("This endpoint is disabled. Enable it before you pause it.")
    return _change_state(endpoint, actor, Endpoint.State.PAUSED, "paused")


@transaction.atomic
def resume_endpoint(*, endpoint: Endpoint, actor: User | None) -> bool:
    """Undo a pause; True if it was paused."""
    _lock(endpoint)
    if endpoint.state == Endpoint.State.DISABLED:
        return False
    return _change_state(endpoint, actor, Endpoint.State.ENABLED, "resumed")


@transaction.atomic
def enable_endpoint(*, endpoint: Endpoint, actor: User | None) -> bool:
    """Let it get deliveries, whatever held them back; True if something did."""
    _lock(endpoint)
    if endpoint.state != Endpoint.State.DISABLED:
        return resume_endpoint(endpoint=endpoint, actor=actor)
    enable(endpoint)
    _audit(endpoint, actor, "enabled")
    return True


@transaction.atomic
def disable_endpoint(*, endpoint: Endpoint, actor: User | None) -> bool:
    """Hold its deliveries, for a replay within 14 days; True if it was not disabled."""
    _lock(endpoint)
    if endpoint.state == Endpoint.State.DISABLED:
        return False
    _disable(endpoint, BY_TENANT)
    _audit(endpoint, actor, "disabled")
    return True


@transaction.atomic
def delete_endpoint(*, endpoint: Endpoint, actor: User | None) -> None:
    """End it for good; what was delivered stays in the log.

    Raises Conflict for the tenant's first endpoint, which also signs what goes elsewhere.
    """
    _lock(endpoint)
    if endpoint == Endpoint.objects.of(endpoint.tenant).first():
        raise Conflict(
            "This is the account's first endpoint: its secret also signs callbacks and what rules "
            "post. Disable it instead."
        )
    if endpoint.state != Endpoint.State.DISABLED:
        _disable(endpoint, DELETED)
    _write(
        endpoint,
        deleted_at=timezone.now(),
        events=[],
        secret="",
        previous_secret="",
        previous_secret_until=None,
    )
    _audit(endpoint, actor, "deleted", host=_host(endpoint.url))


def new_signing_secret() -> str:
    """`whsec_` and 32 random bytes in base 64 (Standard Webhooks 1.0)."""
    return Endpoint.SECRET_PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def _create(tenant: Tenant, **columns: Any) -> tuple[Endpoint, str]:
    secret = new_signing_secret()
    endpoint = Endpoint.objects.create(
        tenant=tenant, secret=encrypt(secret), secret_prefix=secret[:12], **columns
    )
    return endpoint, secret


def _check_room(tenant: Tenant) -> None:
    """Raise LimitReached or Conflict unless one more is allowed."""
    count = Endpoint.objects.of(tenant).count()
    if count >= MAX_ENDPOINTS:
        raise Conflict(f"An account may have {MAX_ENDPOINTS} endpoints. Delete one first.")
    check_limit(tenant, Kind.ENDPOINTS, used=count)


def _lock(endpoint: Endpoint) -> None:
    """Wait for whoever is changing it, and read it anew; raises NotFound if it was deleted."""
    rows = Endpoint.objects.select_for_update(no_key=True).filter(deleted_at=None)
    try:
        endpoint.refresh_from_db(from_queryset=rows)
    except Endpoint.DoesNotExist as error:
        raise NotFound from error


def _write(endpoint: Endpoint, **columns: Any) -> None:
    for column, value in columns.items():
        setattr(endpoint, column, value)
    endpoint.save(update_fields=list(columns))


def _untried() -> dict[str, Any]:
    """The health of a receiver to which nothing was sent yet."""
    return {
        "failing_since": None,
        "last_success_at": None,
        "last_failure_at": None,
        "warnings_sent": 0,
        "breaker_until": None,
        "counted_since": timezone.now(),
    }


def _disable(endpoint: Endpoint, reason: str) -> None:
    _write(
        endpoint,
        state=Endpoint.State.DISABLED,
        disabled_at=timezone.now(),
        disabled_reason=reason,
        breaker_until=None,
    )
    transaction.on_commit(partial(hold_pending, endpoint.pk), robust=True)


def _change_state(endpoint: Endpoint, actor: User | None, state: str, verb: str) -> bool:
    if endpoint.state == state:
        return False
    _write(endpoint, state=state)
    _audit(endpoint, actor, verb)
    return True


def _known(events: Sequence[str]) -> list[str]:
    """`events` without repeats, in the order of `EVENTS`; raises InvalidInput for unknown ones."""
    if not events:
        raise InvalidInput.at(
            "events", "required", "Name at least one event; pause the endpoint to hear of none."
        )
    issues = tuple(
        Issue(f"events[{number}]", "unknown_event", f"There is no event {event[:40]!r}.")
        for number, event in enumerate(events)
        if event not in EVENTS
    )
    if issues:
        raise InvalidInput(issues=issues)
    return [event for event in EVENTS if event in events]


def _check_url(url: str) -> None:
    try:
        check_web_address(url)
    except InvalidWebAddress as error:
        raise InvalidInput.at("url", "invalid_url", str(error)) from error


def _host(url: str) -> str:
    """What the audit log tells of a URL: paths and queries may hold secrets of the receiver's."""
    return urlsplit(url).netloc


def _audit(endpoint: Endpoint, actor: User | None, verb: str, **detail: object) -> None:
    record_audit(
        tenant=endpoint.tenant,
        actor=actor,
        action=f"endpoint.{verb}",
        target=endpoint.external_id,
        **detail,
    )
