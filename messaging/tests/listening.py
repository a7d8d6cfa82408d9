"""A listener to events, named in MESSAGE_EVENT_HANDLERS by the fixture `published`."""

from collections.abc import Sequence

from messaging.events import MessagingEvent

heard: list[MessagingEvent] = []


def hear(events: Sequence[MessagingEvent]) -> None:
    """Keep what was published."""
    heard.extend(events)


def refuse(events: Sequence[MessagingEvent]) -> None:
    """Break, as a handler with a bug would."""
    raise RuntimeError(f"no {events[0].name}")
