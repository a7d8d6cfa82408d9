"""What clients send, as drafts, filters and wishes; unknown fields are ignored, as over there."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

import msgspec

from accounts.api.lists import OffsetQuery
from accounts.api.times import as_utc, seconds_after
from accounts.errors import Forbidden, InvalidInput
from accounts.ids import decode_short_id, new_id, short_id
from accounts.models import Tenant
from devices.numbers import InvalidNumber, parse_number
from integrations.dialects.smsgate.auth import ALL, SCOPES
from messaging.drafts import MessageDraft
from messaging.models import Message

ID_IN_METADATA = "smsgateId"
BYPASS = 100  # from this priority on a message goes before the others


# Fit for a path and a header.
ClientId = Annotated[str, msgspec.Meta(max_length=36, pattern=r"^[^/\s\x00-\x1f\x7f]*\Z")]


class TextIn(msgspec.Struct):
    text: str


class MessageIn(msgspec.Struct, rename="camel"):
    """One text to up to 100 numbers."""

    phone_numbers: Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]
    message: str | None = None
    text_message: TextIn | None = None
    data_message: Any = None
    mms_message: Any = None
    id: ClientId | None = None
    device_id: str | None = None
    sim_number: Annotated[int, msgspec.Meta(ge=1, le=16)] | None = None
    is_encrypted: bool | None = None
    priority: Annotated[int, msgspec.Meta(ge=-128, le=127)] | None = None
    ttl: Annotated[int, msgspec.Meta(ge=5, le=31_536_000)] | None = None
    valid_until: datetime | None = None
    schedule_at: datetime | None = None

    def __post_init__(self) -> None:
        self.id = self.id or short_id(new_id())

    @property
    def public_id(self) -> str:
        """The id that the client chose, or a new one."""
        return self.id or ""

    def drafts(self, tenant: Tenant, *, is_test: bool) -> list[MessageDraft]:
        """One for each number; raises InvalidInput."""
        template = MessageDraft(
            recipient="",
            text=self._text(),
            ref=self.public_id,
            device_id=device_id(self.device_id) if self.device_id else None,
            sim_slot=self.sim_number,
            lane=_lane(self.priority or 0),
            send_at=as_utc(self.schedule_at, "scheduleAt"),
            expires_at=self._expires_at(),
            hold=True,
            metadata={ID_IN_METADATA: self.public_id},
            is_test=is_test,
        )
        numbers = _numbers(self.phone_numbers, tenant.default_country)
        return [msgspec.structs.replace(template, recipient=number) for number in numbers]

    def _text(self) -> str:
        if self.is_encrypted:
            text = "Encrypted messages are not possible here. Leave the encryption out."
            raise InvalidInput.at("isEncrypted", "unsupported", text)
        if self.data_message is not None or self.mms_message is not None:
            raise InvalidInput.at("", "unsupported", "Only texts can be sent: no data, no MMS.")
        texts = [self.text_message.text] if self.text_message else []
        texts += [self.message] if self.message is not None else []
        if len(texts) != 1:
            raise InvalidInput.at("textMessage", "required", "Give the text once, as textMessage.")
        return texts[0]

    def _expires_at(self) -> datetime | None:
        if self.ttl is None:
            return as_utc(self.valid_until, "validUntil")
        if self.valid_until is not None:
            raise InvalidInput.at("ttl", "conflict", "Give ttl or validUntil, not both.")
        start = as_utc(self.schedule_at, "scheduleAt") or datetime.now(UTC)
        return seconds_after(start, self.ttl, "scheduleAt")


class SendQuery(msgspec.Struct, rename="camel"):
    """`deviceActiveWithin` in hours; 0 = whenever."""

    device_active_within: Annotated[int, msgspec.Meta(ge=0, le=87_600)] = 0


class _ListQuery(OffsetQuery):
    from_: datetime | None = msgspec.field(name="from", default=None)
    to: datetime | None = None
    device_id: str | None = None

    def times(self) -> dict[str, datetime]:
        """The bounds as filters of `created_at`."""
        bounds = {"gte": as_utc(self.from_, "from"), "lte": as_utc(self.to, "to")}
        return {f"created_at__{name}": at for name, at in bounds.items() if at is not None}


class MessagesQuery(_ListQuery):
    state: (
        Literal["Pending", "Cancelling", "Cancelled", "Processed", "Sent", "Delivered", "Failed"]
        | None
    ) = None
    include_content: bool = False
    sort: Literal["created_at", "-created_at"] = "-created_at"


class InboxQuery(_ListQuery):
    type: Literal["SMS", "DATA_SMS", "MMS", "MMS_DOWNLOADED"] | None = None


class WebhookIn(msgspec.Struct, rename="camel"):
    url: str
    event: str
    id: ClientId | None = None
    device_id: str | None = None


class TokenIn(msgspec.Struct):
    scopes: Annotated[list[str], msgspec.Meta(min_length=1, max_length=50)]
    ttl: Annotated[int, msgspec.Meta(ge=0)] | None = None

    @property
    def seconds(self) -> int:
        """The lifetime asked for, as far as a timedelta can hold it; 0 = none."""
        return min(self.ttl or 0, 10**9)

    def check(self, granted: tuple[str, ...]) -> None:
        """Raises InvalidInput for unknown scopes, Forbidden for more than whoever asks may do."""
        unknown = [scope for scope in self.scopes if scope not in SCOPES and scope != ALL]
        if unknown:
            text = f"There is no scope {unknown[0][:40]!r}."
            raise InvalidInput.at("scopes", "unknown_scope", text)
        if ALL not in granted and not set(self.scopes) <= set(granted):
            raise Forbidden("A token cannot be exchanged for one that may do more.")


def device_id(external_id: str) -> uuid.UUID:
    """The device's id; raises InvalidInput for what is none."""
    public_id = decode_short_id(external_id)
    if public_id is None:
        raise InvalidInput.at("deviceId", "not_found", "There is no such device.")
    return public_id


def _lane(priority: int) -> int:
    if priority >= BYPASS:
        return Message.Lane.URGENT.value
    return Message.Lane.BULK.value if priority < 0 else Message.Lane.NORMAL.value


def _numbers(raw: list[str], country: str) -> list[str]:
    """The numbers in their stored form, each once; raises InvalidInput naming the first bad one."""
    numbers = []
    for place, number in enumerate(raw):
        try:
            numbers.append(parse_number(number, country))
        except InvalidNumber as error:
            path = f"phoneNumbers[{place}]"
            raise InvalidInput.at(path, "invalid_phone_number", str(error)) from error
    return list(dict.fromkeys(numbers))
