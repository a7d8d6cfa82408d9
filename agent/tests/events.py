"""Run a radio in this process for as long as a test needs to hear it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from agent.radios.base import Radio, RadioEvent
from agent.tests.gateway import until


async def told(radio: Radio, is_over: Callable[[list[RadioEvent]], object]) -> list[RadioEvent]:
    """What the radio tells until the condition, which gets the events so far, holds."""
    events: list[RadioEvent] = []

    async def on_event(event: RadioEvent) -> None:
        events.append(event)

    running = asyncio.create_task(radio.run(on_event))
    try:
        await until(lambda: running.done() or is_over(events))
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
    return events
