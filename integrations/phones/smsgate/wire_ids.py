"""Ids as the app's world can hold them.

It keeps a message's id for ever as a primary key, in at most 36 characters of `[A-Za-z0-9_-]`, and
its tools know device ids of at most 21.
"""

from __future__ import annotations

import re
import uuid

from accounts.ids import decode_id, encode_id
from devices.models import Device

DEVICE_LENGTH = 21
_MESSAGE = re.compile(r"(msg_[0-9A-Za-z]{22})-([1-9][0-9]{0,3})", re.ASCII)
# A UUIDv7 (RFC 9562) says nothing in its 4 bits of version and 2 of variant; the other 122 fit into
# 21 base-62 characters.
_VERSION_AND_VARIANT = uuid.UUID("00000000-0000-7000-8000-000000000000").int
_TAIL, _MIDDLE = (1 << 62) - 1, (1 << 12) - 1


def wire_device_id(device: Device) -> str:
    """21 letters and digits that stand for the device's public id."""
    number = device.public_id.int
    head, middle, tail = number >> 80, number >> 64 & _MIDDLE, number & _TAIL
    return encode_id("", uuid.UUID(int=head << 74 | middle << 62 | tail))[1:]


def public_id_of(wire_id: str) -> uuid.UUID | None:
    """The public id of the device behind `wire_id`, or None for what cannot be one."""
    packed = decode_id("", "0" + wire_id) if len(wire_id) == DEVICE_LENGTH else None
    if packed is None or packed.int >> 122:
        return None
    head, middle, tail = packed.int >> 74, packed.int >> 62 & _MIDDLE, packed.int & _TAIL
    return uuid.UUID(int=head << 80 | middle << 64 | tail | _VERSION_AND_VARIANT)


def wire_message_id(attempt_id: str) -> str:
    """`msg_….2` as `msg_…-2`: an attempt, since the app never sends what it has sent before."""
    return attempt_id.replace(".", "-")


def attempt_id_of(wire_id: str) -> str | None:
    """The attempt behind a message's id, or None for what cannot be one."""
    match = _MESSAGE.fullmatch(wire_id)
    return f"{match[1]}.{match[2]}" if match else None
