"""What alerts about phones say to people: on pages, in e-mails, in the documentation."""

from __future__ import annotations

from typing import NamedTuple

from devices.models import DeviceAlert


class AlertWords(NamedTuple):
    """`name` on a badge; `title` goes on after the phone's name; `advice` is what to do next."""

    name: str
    title: str
    advice: str
    is_grave: bool


_WORDS = {
    DeviceAlert.Kind.OFFLINE: AlertWords(
        "offline",
        "is offline",
        "Check whether it is switched on, charged and in reach of a network, and start the app or "
        "agent on it again. Texts that it was not offered yet go to another phone, unless they are "
        "meant for this one.",
        is_grave=True,
    ),
    DeviceAlert.Kind.CANNOT_SEND: AlertWords(
        "cannot send",
        "cannot send texts",
        "Check whether the SIM is in and unlocked, and whether the app or agent may send SMS or is "
        "the phone’s SMS app. Then start it anew, and it is tried again at once. "
        "Until then other phones send its texts, unless they are meant for this one.",
        is_grave=True,
    ),
    DeviceAlert.Kind.RECEIVER_SILENT: AlertWords(
        "receives nothing",
        "sends, but no longer receives",
        "Send a text to its number. If it does not show up here, check whether the program on the "
        "phone may still read SMS and is exempt from battery saving, then restart the phone.",
        is_grave=True,
    ),
    DeviceAlert.Kind.PACING_DEGRADED: AlertWords(
        "held back",
        "sends more than it is allowed to",
        "Android lets a program send only so many texts at a time. The SIM rests for some "
        "minutes, longer each time, and what waits goes out after that. Give it a lower limit on "
        "the phone’s page, or add a phone.",
        is_grave=False,
    ),
    DeviceAlert.Kind.BATTERY_LOW: AlertWords(
        "battery low",
        "runs out of battery",
        "Plug it in. A phone that stays on its charger needs no attention.",
        is_grave=False,
    ),
}


def words_of(kind: str) -> AlertWords:
    """The words for a `DeviceAlert.Kind`."""
    return _WORDS[DeviceAlert.Kind(kind)]
