"""Functions for `DEVICE_EVENT_HANDLERS`."""

from collections.abc import Sequence

from devices.events import DeviceEvent

heard: list[tuple[str, int]] = []


class Refused(Exception):
    """What `refuse` raises."""


def note(events: Sequence[DeviceEvent]) -> None:
    """Remember the events."""
    heard.extend((event.name, event.device_id) for event in events)


def refuse(events: Sequence[DeviceEvent]) -> None:
    """Raise Refused for any event."""
    if events:
        raise Refused
