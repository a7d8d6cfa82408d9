"""The shapes of the device protocol's frames (docs/device-protocol.md).

`decode_frame` reads what phones send; what the gateway sends are structs with a `type` tag.
"""

import json
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Self

import msgspec

from devices.services.presence import Vitals
from devices.services.sims import SimReport

MAX_FRAME_BYTES = 65_536
# How many a phone may send.
FRAMES_PER_WINDOW = 6_000
WINDOW_SECONDS = 10
_SURROGATE_ESCAPE = re.compile(r"\\u[dD][89a-fA-F]")

FrameId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
AttemptId = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
Slot = Annotated[int, msgspec.Meta(ge=1, le=16)]
Short = Annotated[str, msgspec.Meta(max_length=200)]


class FrameError(Exception):
    """A frame that cannot be used; `frame_id` is the phone's, if it could be read."""

    def __init__(self, code: str, message: str, frame_id: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.frame_id = code, message, frame_id


class _Head(msgspec.Struct):
    type: str = ""
    id: str | None = None


class SimIn(msgspec.Struct):
    slot: Slot
    number: Short | None = None
    carrier: Short | None = None

    def report(self) -> SimReport:
        return SimReport(self.slot, storable(self.number or ""), storable(self.carrier or ""))


class AppIn(msgspec.Struct):
    name: Short = ""
    version: Short = ""

    def __str__(self) -> str:
        return storable(f"{self.name} {self.version}").strip()


class Hello(msgspec.Struct):
    id: FrameId
    protocol: int = 1
    app: AppIn = msgspec.field(default_factory=AppIn)
    model: Short | None = None
    sims: Annotated[list[SimIn], msgspec.Meta(max_length=16)] = []
    capabilities: list[Short] = []
    holding: list[AttemptId] = []


class HeartbeatIn(msgspec.Struct):
    id: FrameId
    battery: Annotated[int, msgspec.Meta(ge=0, le=100)] | None = None
    charging: bool | None = None
    network: Annotated[str, msgspec.Meta(max_length=20)] | None = None
    signal: Annotated[int, msgspec.Meta(ge=0, le=4)] | None = None
    queue: Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None = None

    def vitals(self) -> Vitals:
        network = storable(self.network or "")
        return Vitals(self.battery, self.charging, network, self.signal, self.queue or 0)


class Pull(msgspec.Struct):
    pass


class SimSettings(msgspec.Struct):
    slot: int
    min_gap_ms: int
    jitter_ms: int


class Settings(msgspec.Struct):
    heartbeat_seconds: int
    window_per_sim: int
    sims: list[SimSettings]


class Welcome(msgspec.Struct, tag="welcome"):
    reply_to: str
    device_id: str
    name: str
    settings: Settings
    protocol: int = 1


class SettingsFrame(msgspec.Struct, tag="settings"):
    settings: Settings


class Ack(msgspec.Struct, tag="ack"):
    id: str


class ErrorFrame(msgspec.Struct, tag="error"):
    id: str | None
    code: str
    message: str

    @classmethod
    def of(cls, error: FrameError) -> Self:
        return cls(error.frame_id, error.code, error.message)


def decode_frame(text: str, shapes: dict[str, type[Any]]) -> tuple[str, Any]:
    """(type, frame) of one text message, by the struct that `shapes` has for its type.

    Raises FrameError.
    """
    frame_id = None
    try:
        content = without_lone_surrogates(text)
        head = msgspec.json.decode(content, type=_Head)
        frame_id = head.id
        shape = shapes.get(head.type)
        if shape is None:
            raise FrameError("unknown_type", f"There is no frame of type {head.type!r}.", frame_id)
        return head.type, msgspec.json.decode(content, type=shape)
    except (ValueError, RecursionError) as error:
        raise FrameError("invalid_frame", str(error), frame_id) from error


def without_lone_surrogates(text: str) -> str | bytes:
    """`text` as the decoder takes it: half an emoji, where a phone cut it, becomes a "?".

    JSON can spell a lone surrogate and UTF-8 cannot, but a fact must not be refused for it.
    Raises ValueError or RecursionError.
    """
    if not _SURROGATE_ESCAPE.search(text):
        return text
    return json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace")


def storable(text: str) -> str:
    """`text` without what PostgreSQL cannot hold: a fact from a phone must never be refused."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def aware(moment: datetime | None) -> datetime | None:
    """`moment` in UTC; None when that is no time: naive, or beyond the years that Python has."""
    if moment is None or moment.tzinfo is None:
        return None
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None
