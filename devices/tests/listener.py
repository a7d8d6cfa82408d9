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


due: set[int] = set()


def find_due(*, device_ids: list[int]) -> list[int]:
    """For `DEVICE_WORK_FINDERS`: those of `device_ids` that are in `due`."""
    return [device_id for device_id in device_ids if device_id in due]
