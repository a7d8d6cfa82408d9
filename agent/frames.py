"""The shapes of docs/device-protocol.md: what the gateway says, and the facts the phone tells."""

from datetime import UTC, datetime
from typing import Annotated, Any, TypeAlias

import msgspec
import uuid_utils

PROTOCOL_VERSION = 1
MAX_TEXT_CHARACTERS = 10_000  # as JSON, at worst 6 bytes each, it fits into a frame of 64 kB

Slot: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=255)]


class SimPace(msgspec.Struct, frozen=True):
    """How fast one SIM may send: a gap between two texts plus 0 to `jitter_ms` by chance."""

    slot: Slot
    min_gap_ms: Annotated[float, msgspec.Meta(ge=0)] = 0
    jitter_ms: Annotated[float, msgspec.Meta(ge=0)] = 0


class Settings(msgspec.Struct, frozen=True):
    """What the gateway wants of this phone."""

    heartbeat_seconds: Annotated[float, msgspec.Meta(gt=0)] = 25
    sims: tuple[SimPace, ...] = ()


class Welcome(msgspec.Struct, tag="welcome", frozen=True):
    name: str = ""
    settings: Settings = Settings()


class SettingsChanged(msgspec.Struct, tag="settings", frozen=True):
    settings: Settings


class MessageSend(msgspec.Struct, tag="message.send", frozen=True):
    """An offer. `expires_in_ms` counts from arrival; None means never."""

    attempt_id: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    to: Annotated[str, msgspec.Meta(min_length=1)]
    text: str
    sim: Slot = 1
    expires_in_ms: float | None = None


class MessageCancel(msgspec.Struct, tag="message.cancel", frozen=True):
    attempt_id: str


class Pull(msgspec.Struct, tag="pull", frozen=True):
    """A nudge: something may be due."""


class Ack(msgspec.Struct, tag="ack", frozen=True):
    id: str


class Error(msgspec.Struct, tag="error", frozen=True):
    """With an `id`: final for that frame."""

    id: str | None = None
    code: str = ""
    message: str = ""


GatewayFrame: TypeAlias = (
    Welcome | SettingsChanged | MessageSend | MessageCancel | Pull | Ack | Error
)
_decoder: msgspec.json.Decoder[GatewayFrame] = msgspec.json.Decoder(GatewayFrame)


def decode(raw: str | bytes) -> GatewayFrame:
    """Read one frame of the gateway. Raises msgspec.DecodeError if its type or shape is unknown."""
    return _decoder.decode(raw)


def encode(frame: dict[str, Any]) -> str:
    """The frame as it goes into one text message of the socket."""
    return msgspec.json.encode(frame).decode()


def frame(type_name: str, fields: dict[str, Any]) -> dict[str, Any]:
    """A phone's frame with a fresh UUIDv7 as `id`; fields that are None are left out.

    What PostgreSQL or UTF-8 cannot hold (NUL, lone surrogates) is replaced in strings, because the
    gateway would refuse the whole fact for it.
    """
    cleaned = {key: _clean(value) for key, value in fields.items() if value is not None}
    return {"type": type_name, "id": str(uuid_utils.uuid7()), **cleaned}


def _clean(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
    return value


def timestamp(moment: datetime | None = None) -> str:
    """A moment (default: now) as 2026-01-31T12:00:00.000Z."""
    moment = moment or datetime.now(UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
