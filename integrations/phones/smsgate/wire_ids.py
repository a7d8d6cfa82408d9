"""Ids as the app's world can hold them.

It keeps a message's id for ever as a primary key, in at most 36 characters of `[A-Za-z0-9_-]`, and
its tools know device ids of at most 21.
"""

from __future__ import annotations

import re

from accounts.ids import short_id
from devices.models import Device

_MESSAGE = re.compile(r"(msg_[0-9A-Za-z]{22})-([1-9][0-9]{0,3})", re.ASCII)


def wire_device_id(device: Device) -> str:
    """21 letters and digits that stand for the device's public id."""
    return short_id(device.public_id)


def wire_message_id(attempt_id: str) -> str:
    """`msg_….2` as `msg_…-2`: an attempt, since the app never sends what it has sent before."""
    return attempt_id.replace(".", "-")


def attempt_id_of(wire_id: str) -> str | None:
    """The attempt behind a message's id, or None for what cannot be one."""
    match = _MESSAGE.fullmatch(wire_id)
    return f"{match[1]}.{match[2]}" if match else None
