"""What clients send about webhooks."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec

from accounts.api.lists import PageQuery
from webhooks.services.endpoints import DEFAULT_EVENTS, EVENTS

# A plain text to the decoder: the service names what is unknown, for every face alike.
EventName = Annotated[str, msgspec.Meta(extra_json_schema={"enum": list(EVENTS)})]
Events = Annotated[list[EventName], msgspec.Meta(max_length=100)]
Name = Annotated[str, msgspec.Meta(max_length=100)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class WebhookIn(msgspec.Struct):
    """The tenant's first endpoint as it is to be; what is absent stays."""

    url: str
    events: Events | None = None
    enabled: bool | None = None


class EndpointIn(msgspec.Struct):
    """Without `events` it hears of received messages."""

    url: str
    events: Events = msgspec.field(default_factory=lambda: list(DEFAULT_EVENTS))
    name: Name = ""


class EndpointPatch(msgspec.Struct):
    """What may be changed; a field that is absent stays.

    `state`: while it is `paused`, deliveries wait and go out later; `disabled`, they are held for
    14 days and go out when they are replayed.
    """

    name: Name | None = None
    url: str | None = None
    events: Events | None = None
    state: Literal["enabled", "paused", "disabled"] | None = None


class ReplayIn(msgspec.Struct):
    """Which deliveries are sent again: those that failed or are held, made since then."""

    since: Moment


class DeliveriesQuery(PageQuery):
    """The query string of the log; every filter narrows."""

    endpoint_id: str | None = None
    status: Literal["pending", "succeeded", "failed", "held"] | None = None
    event: Annotated[str, msgspec.Meta(max_length=40)] | None = None
    since: Moment | None = None
    until: Moment | None = None
