"""The running agent: journal, radio, dispatcher and line put together."""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

from agent.client import Client, Timing
from agent.console import attach_console
from agent.dispatcher import Dispatcher
from agent.identity import Identity
from agent.journal import FILE_NAME, Journal
from agent.line import Transport
from agent.radios.base import Radio, RadioEvent
from agent.transports import AutoTransport

log = logging.getLogger(__name__)


async def run_agent(
    identity: Identity,
    data_dir: Path,
    radio: Radio,
    timing: Timing | None = None,
    transport: Transport | None = None,
) -> None:
    """Run until cancelled. Raises TokenRefused, or whatever the disk or the radio raised."""
    async with aclosing(radio), aclosing(Journal(data_dir / FILE_NAME)) as journal:
        dispatcher = Dispatcher(journal, radio)
        client = Client(
            identity, journal, radio, dispatcher, timing or Timing(), transport or AutoTransport()
        )

        async def on_event(event: RadioEvent) -> None:
            await journal.write(journal.add, event)
            log.info("The radio told: %s", event.summary)

        await radio.open()
        await dispatcher.recover()
        await _run_until_one_ends(dispatcher.run(), client.run(), radio.run(on_event))


async def _run_until_one_ends(*parts: Coroutine[Any, Any, None]) -> None:
    """Run all; stop them in this order, so that what the radio sends may finish while others run.

    Raises what the first one that ended raised.
    """
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
            await asyncio.wait([task])


async def run_until_signal(
    identity: Identity,
    data_dir: Path,
    radio: Radio,
    with_console: bool,
    transport: Transport | None = None,
) -> None:
    """Run until SIGINT or SIGTERM, then shut down cleanly; `with_console` reads the terminal."""
    agent = asyncio.create_task(run_agent(identity, data_dir, radio, transport=transport))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError):  # Windows has no such handlers
            loop.add_signal_handler(number, agent.cancel)
    if with_console:
        attach_console(data_dir)
    with suppress(asyncio.CancelledError):
        await agent
    log.info("Stopped")
