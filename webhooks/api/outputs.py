"""Endpoints and deliveries as the native API shows them; never a signing secret after its making.

What is not there is null, as a message's `from` is: so is the URL of an endpoint that has none yet.
"""

from __future__ import annotations

from typing import Any

import msgspec

from accounts.api.times import iso
from webhooks.models import Delivery, DeliveryAttempt, Endpoint


class WebhookOut(msgspec.Struct, rename="camel"):
    """The tenant's first endpoint. `enabled`: it has a URL and is neither paused nor disabled."""

    url: str | None
    events: list[str]
    enabled: bool
    signing_secret_prefix: str


class WebhookSetOut(msgspec.Struct):
    ok: bool
    id: str


class HealthOut(msgspec.Struct, rename="camel"):
    """How it goes. `status`: untried, healthy, failing, waiting (one try a minute), disabled."""

    status: str
    failing_since: str | None
    last_success_at: str | None
    last_failure_at: str | None
    breaker_open_until: str | None


class EndpointOut(msgspec.Struct, rename="camel"):
    """`state`: enabled, paused (deliveries wait) or disabled (deliveries are held for replay)."""

    id: str
    name: str | None
    url: str | None
    events: list[str]
    state: str
    disabled_reason: str | None
    disabled_at: str | None
    signing_secret_prefix: str
    created_at: str
    health: HealthOut


class EndpointsOut(msgspec.Struct):
    data: list[EndpointOut]


class NewEndpointOut(EndpointOut):
    """With the secret, shown this once."""

    signing_secret: str


class RotatedSecretOut(msgspec.Struct, rename="camel"):
    """The new secret, shown this once; until then the previous one signs too."""

    signing_secret: str
    previous_secret_until: str


class ReplayedOut(msgspec.Struct):
    """How many deliveries were queued again."""

    count: int


class DeliveryRowOut(msgspec.Struct, rename="camel"):
    """`endpointId` is null where a message, a rule or an ingress named the URL itself.

    `status`: pending, succeeded, failed, held (its endpoint is disabled).
    """

    id: str
    event_id: str
    event: str
    endpoint_id: str | None
    url: str
    status: str
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: str
    next_attempt_at: str | None
    finished_at: str | None


class DeliveriesOut(msgspec.Struct, rename="camel"):
    """Newest first; `nextCursor` is null on the last page."""

    data: list[DeliveryRowOut]
    next_cursor: str | None


class AttemptOut(msgspec.Struct, rename="camel"):
    """One HTTP exchange; of the answer's body the first 4 kB. `address` is the IP dialled."""

    started_at: str
    duration_ms: int
    address: str | None
    request_headers: dict[str, str]
    status: int | None
    response_headers: dict[str, str]
    response_body: str
    error: str | None


class DeliveryOut(DeliveryRowOut):
    """`body`: the bytes that are sent, null when they may not be kept; `history`: oldest first."""

    body: str | None
    history: list[AttemptOut]


def webhook_out(endpoint: Endpoint) -> WebhookOut:
    return WebhookOut(
        endpoint.url or None,
        endpoint.events,
        bool(endpoint.url) and endpoint.state == Endpoint.State.ENABLED,
        endpoint.secret_prefix,
    )


def endpoint_out(endpoint: Endpoint) -> EndpointOut:
    return EndpointOut(**_endpoint_fields(endpoint))


def new_endpoint_out(endpoint: Endpoint, secret: str) -> NewEndpointOut:
    return NewEndpointOut(**_endpoint_fields(endpoint), signing_secret=secret)


def rotated_secret_out(endpoint: Endpoint, secret: str) -> RotatedSecretOut:
    return RotatedSecretOut(secret, iso(endpoint.previous_secret_until) or "")


def delivery_row_out(delivery: Delivery) -> DeliveryRowOut:
    """`delivery` with its event and its endpoint already read."""
    return DeliveryRowOut(**_delivery_fields(delivery))


def delivery_out(delivery: Delivery, history: list[DeliveryAttempt]) -> DeliveryOut:
    return DeliveryOut(
        **_delivery_fields(delivery),
        body=delivery.event.body or None,
        history=[_attempt_out(attempt) for attempt in history],
    )


def _endpoint_fields(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "id": endpoint.external_id,
        "name": endpoint.name or None,
        "url": endpoint.url or None,
        "events": endpoint.events,
        "state": endpoint.state,
        "disabled_reason": endpoint.disabled_reason or None,
        "disabled_at": iso(endpoint.disabled_at),
        "signing_secret_prefix": endpoint.secret_prefix,
        "created_at": iso(endpoint.created_at) or "",
        "health": HealthOut(
            _health(endpoint),
            iso(endpoint.failing_since),
            iso(endpoint.last_success_at),
            iso(endpoint.last_failure_at),
            iso(endpoint.breaker_until),
        ),
    }


def _health(endpoint: Endpoint) -> str:
    if endpoint.state == Endpoint.State.DISABLED:
        return "disabled"
    if endpoint.breaker_until is not None:
        return "waiting"
    if endpoint.failing_since is not None:
        return "failing"
    return "untried" if endpoint.last_success_at is None else "healthy"


def _delivery_fields(delivery: Delivery) -> dict[str, Any]:
    endpoint = delivery.endpoint
    return {
        "id": delivery.external_id,
        "event_id": delivery.event.external_id,
        "event": delivery.event.name,
        "endpoint_id": endpoint.external_id if endpoint.kind == Endpoint.Kind.ENDPOINT else None,
        "url": delivery.url,
        "status": delivery.status,
        "attempts": delivery.attempts,
        "last_status": delivery.last_status,
        "last_error": delivery.last_error or None,
        "created_at": iso(delivery.created_at) or "",
        "next_attempt_at": iso(delivery.next_attempt_at),
        "finished_at": iso(delivery.finished_at),
    }


def _attempt_out(attempt: DeliveryAttempt) -> AttemptOut:
    return AttemptOut(
        started_at=iso(attempt.started_at) or "",
        duration_ms=attempt.duration_ms,
        address=attempt.address or None,
        request_headers=attempt.request_headers,
        status=attempt.status,
        response_headers=attempt.response_headers,
        response_body=attempt.response_body,
        error=attempt.error or None,
    )
