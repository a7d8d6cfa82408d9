"""What clients and phones send about devices."""

import re
from contextlib import suppress
from datetime import time
from typing import Annotated, Literal

import msgspec
from django.http import HttpRequest

from accounts.api.bodies import decode_envelope, read_json_bytes
from accounts.errors import InvalidInput
from devices.frames import MAX_FRAME_BYTES, AppIn, Short, SimIn, Slot, without_lone_surrogates
from devices.services.devices import SimLimits
from devices.services.pairing import CODE_DIGITS, PhoneDescription

_DIGITS = re.compile(r"[0-9]+", re.ASCII)
Count = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)] | None
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=3_600_000)]
Clock = Annotated[str, msgspec.Meta(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$", max_length=5)]
Frames = Annotated[list[msgspec.Raw], msgspec.Meta(max_length=100)]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]


class PairIn(msgspec.Struct):
    """A phone's first call: the code that a person typed, and what the phone is."""

    code: str
    name: Short | None = None
    model: Short | None = None
    kind: Literal["android", "modem", "simulated"] = "android"
    app: AppIn | None = None
    sims: Annotated[list[SimIn], msgspec.Meta(max_length=16)] = []

    def digits(self) -> str:
        """The code without the spaces that people type; raises InvalidInput."""
        digits = self.code.replace(" ", "")
        if len(digits) != CODE_DIGITS or not _DIGITS.fullmatch(digits):
            raise InvalidInput.at("code", "invalid_code", f"code must be {CODE_DIGITS} digits.")
        return digits

    def description(self) -> PhoneDescription:
        return PhoneDescription(
            name=(self.name or "")[:60],
            model=(self.model or "")[:60],
            kind=self.kind,
            app=str(self.app or "")[:60],
            sims=tuple(sim.report() for sim in self.sims),
        )


class LimitsIn(msgspec.Struct, rename="camel"):
    """A SIM's budget; null = no limit. Segments in sliding windows; quiet hours as HH:MM.

    Between two texts lie `minGapMs` and by chance up to `jitterMs` more.
    """

    segments_per_minute: Count = None
    segments_per_hour: Count = None
    segments_per_day: Count = None
    min_gap_ms: Milliseconds = 0
    jitter_ms: Milliseconds = 0
    quiet_from: Clock | None = None
    quiet_until: Clock | None = None

    def limits(self, path: str) -> SimLimits:
        """As the service wants it; raises InvalidInput, below `path`, for half a quiet time."""
        if (self.quiet_from is None) != (self.quiet_until is None):
            missing = "quietFrom" if self.quiet_from is None else "quietUntil"
            raise InvalidInput.at(
                f"{path}.{missing}", "required", "Give quietFrom and quietUntil, or neither."
            )
        given = msgspec.structs.asdict(self)
        for name in ("quiet_from", "quiet_until"):
            given[name] = time.fromisoformat(given[name]) if given[name] else None
        return SimLimits(**given)


class SimPatch(msgspec.Struct):
    slot: Slot
    limits: LimitsIn


class DevicePatch(msgspec.Struct, rename="camel"):
    """What may be changed; what is absent stays. A `paused` phone receives, and sends nothing."""

    nickname: Name | None = None
    is_default: Literal[True] | None = None
    status: Literal["active", "paused"] | None = None
    sims: Annotated[list[SimPatch], msgspec.Meta(max_length=16)] = []


class FramesQuery(msgspec.Struct, forbid_unknown_fields=True):
    """How many seconds an answer without frames may take."""

    wait: Annotated[int, msgspec.Meta(ge=0, le=55)] = 25


def read_frames(request: HttpRequest) -> list[str]:
    """The frames in the body, each as JSON that is an object; what is in it is judged elsewhere.

    Bytes that are no UTF-8 are replaced: facts are not refused for odd characters. Raises what
    `read_json_bytes` does, and InvalidInput with the path of an element that can be no frame.
    """
    content: str | bytes
    content = text = read_json_bytes(request).decode(errors="replace")
    with suppress(ValueError, RecursionError):  # what is no JSON is told below
        content = without_lone_surrogates(text)
    body = content.encode() if isinstance(content, str) else content
    frames = decode_envelope(body, Frames)
    return [_frame_text(bytes(frame), f"[{number}]") for number, frame in enumerate(frames)]


def _frame_text(raw: bytes, path: str) -> str:
    if len(raw) > MAX_FRAME_BYTES:
        raise InvalidInput.at(path, "too_long", f"A frame has at most {MAX_FRAME_BYTES:,} bytes.")
    if not raw.startswith(b"{"):
        raise InvalidInput.at(path, "invalid_type", "A frame is a JSON object.")
    return raw.decode()
