"""What clients send about messages: bodies to drafts, query strings to filters."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from accounts.api.bodies import check_depth, decode, decode_envelope
from accounts.api.lists import PageQuery
from accounts.api.times import as_utc, seconds_after
from accounts.errors import GatewayError, InvalidInput
from accounts.ids import decode_id
from accounts.models import ApiKey
from devices.models import Device
from messaging.drafts import MessageDraft

MAX_BATCH = 10_000
_LANES = {"urgent": 0, "normal": 1, "bulk": 2}


class MessageIn(msgspec.Struct, rename="camel"):
    """One text to one recipient."""

    to: Annotated[
        str,
        Meta(
            description="With + and country code; a national number is read with the account's "
            "country. Short codes are fine.",
            examples=["+6581230000"],
        ),
    ]
    text: Annotated[
        str, Meta(description="1 to 1,600 characters.", examples=["Your order is ready."])
    ]
    ref: (
        Annotated[
            str,
            Meta(
                description="Your own id, at most 64 characters; comes back here and in webhooks."
            ),
        ]
        | None
    ) = None
    callback: (
        Annotated[str, Meta(description="A URL that is told what becomes of this one.")] | None
    ) = None
    channel: Literal["sms"] = "sms"
    device_id: Annotated[str, Meta(description="The phone to send through.")] | None = None
    sim: Annotated[int, Meta(ge=1, le=16, description="The SIM's slot in it.")] | None = None
    priority: Literal["urgent", "normal", "bulk"] = "normal"
    send_at: Annotated[datetime, Meta(tz=True, description="Not before this.")] | None = None
    expires_at: (
        Annotated[datetime, Meta(tz=True, description="After this it is `expired`, not sent.")]
        | None
    ) = None
    ttl: (
        Annotated[
            int, Meta(ge=1, le=31_536_000, description="The same in seconds, from `sendAt` or now.")
        ]
        | None
    ) = None
    queue_if_offline: (
        Annotated[
            bool,
            Meta(description="Whether to wait for a phone if none is online, instead of 503."),
        ]
        | None
    ) = None
    metadata: (
        Annotated[dict[str, Any], Meta(description="Any JSON up to 2 kB; comes back as it is.")]
        | None
    ) = None
    max_segments: (
        Annotated[int, Meta(ge=1, le=255, description="Refuse the text if it needs more.")] | None
    ) = None

    def draft(self, api_key: ApiKey) -> MessageDraft:
        """As the service wants it; raises InvalidInput."""
        if self.metadata:
            check_depth(self.metadata, "metadata")
        if self.ttl is not None and self.expires_at is not None:
            raise InvalidInput.at("ttl", "conflict", "Give ttl or expiresAt, not both.")
        send_at, expires_at = as_utc(self.send_at, "sendAt"), as_utc(self.expires_at, "expiresAt")
        if self.ttl is not None:
            expires_at = seconds_after(send_at or datetime.now(UTC), self.ttl, "sendAt")
        return MessageDraft(
            recipient=self.to,
            text=self.text,
            ref=self.ref or "",
            callback=self.callback or "",
            device_id=_device_id(self.device_id) if self.device_id is not None else None,
            sim_slot=self.sim,
            lane=_LANES[self.priority],
            send_at=send_at,
            expires_at=expires_at,
            hold=self.queue_if_offline,
            metadata=self.metadata,
            max_segments=self.max_segments,
            is_test=api_key.is_test,
        )


_RawMessage = Annotated[
    msgspec.Raw, Meta(extra_json_schema={"$ref": "#/components/schemas/MessageIn"})
]


class BatchIn(msgspec.Struct):
    """Up to 10,000 messages, read one by one so that a bad one does not stop the others."""

    messages: Annotated[list[_RawMessage], Meta(min_length=1, max_length=MAX_BATCH)]

    def drafts(self, api_key: ApiKey) -> list[MessageDraft | GatewayError]:
        """A draft or an error for each, in order."""
        return [_draft_or_error(raw, api_key) for raw in self.messages]


class PreviewIn(msgspec.Struct):
    """A text to count; `to` is checked when given."""

    text: Annotated[str, Meta(min_length=1, max_length=1600)]
    to: str | None = None


def read_batch(body: bytes) -> BatchIn:
    """The batch of a request body; raises InvalidInput."""
    return decode_envelope(body, BatchIn)


def _draft_or_error(raw: msgspec.Raw, api_key: ApiKey) -> MessageDraft | GatewayError:
    try:
        return decode(bytes(raw), MessageIn).draft(api_key)
    except GatewayError as error:
        return error


def _device_id(external_id: str) -> Any:
    public_id = decode_id(Device.ID_PREFIX, external_id)
    if public_id is None:
        raise InvalidInput.at("deviceId", "not_found", "There is no such device.")
    return public_id


class ListQuery(PageQuery):
    """The query string of the list; every filter narrows."""

    direction: Literal["outbound", "inbound"] | None = None
    status: (
        Literal[
            "scheduled",
            "queued",
            "sent",
            "delivered",
            "failed",
            "expired",
            "canceled",
            "received",
        ]
        | None
    ) = None
    to: str | None = None
    from_: Annotated[str | None, Meta(description="The sender.")] = msgspec.field(
        name="from", default=None
    )
    ref: str | None = None
    device_id: str | None = None
    since: Annotated[datetime, Meta(tz=True)] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    q: Annotated[str, Meta(min_length=1, max_length=100)] | None = None
