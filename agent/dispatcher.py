"""From the journal to the radio: one lane for each SIM, first offered first sent, at its pace."""

import asyncio
import logging
import time
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from random import SystemRandom
from typing import Any, TypeVar

from agent import crash
from agent.frames import Settings, SimPace
from agent.journal import Journal
from agent.radios.base import Failed, Outcome, OutgoingText, Radio, Sent

TICK_SECONDS = 1.0  # expiry, and repair of a wake-up that got lost
PRUNE_SECONDS = 86_400.0
SEND_TIMEOUT_SECONDS = 120.0
SHUTDOWN_SECONDS = 5.0  # for texts that the radio has already

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class Lane:
    """The way to one SIM. `free` are the sends that the radio can still take for it."""

    sim: int
    free: asyncio.Semaphore
    woken: asyncio.Event = field(default_factory=asyncio.Event)


class Dispatcher:
    """Sends what is stored. Rests until `resume` is called with the gateway's settings."""

    def __init__(self, journal: Journal, radio: Radio) -> None:
        self._journal = journal
        self._radio = radio
        self._paces: dict[int, SimPace] = {}
        self._lanes: dict[int, Lane] = {}
        self._active = asyncio.Event()
        self._news = asyncio.Event()
        self._sends: set[asyncio.Task[Any]] = set()

    def resume(self, settings: Settings) -> None:
        """Send, at the pace of these settings."""
        self._paces = {pace.slot: pace for pace in settings.sims}
        self._active.set()

    def pause(self) -> None:
        """Keep what is stored until the next `resume`."""
        self._active.clear()

    def wake(self) -> None:
        """Something was stored."""
        self._news.set()

    async def recover(self) -> None:
        """Settle the texts whose radio call was interrupted; none of them is sent again."""
        for attempt_id in await self._journal.read(self._journal.interrupted):
            outcome = await self._look_up(attempt_id, "interrupted around the radio call")
            log.warning("%s was interrupted: %s", attempt_id, outcome)
            await self._journal.write(self._journal.finish, attempt_id, outcome)

    async def run(self) -> None:
        """Send until cancelled; then wait a moment for the sends that have begun."""
        prune_at = time.monotonic()
        try:
            async with asyncio.TaskGroup() as lanes:
                while True:
                    self._news.clear()
                    await self._journal.write(self._journal.expire_due)
                    for sim in await self._journal.read(self._journal.waiting_sims):
                        self._wake_lane(sim, lanes)
                    if time.monotonic() >= prune_at:
                        await self._journal.write(self._journal.prune)
                        prune_at += PRUNE_SECONDS
                    with suppress(TimeoutError):
                        async with asyncio.timeout(TICK_SECONDS):
                            await self._news.wait()
        finally:
            await self._finish_sends()

    async def _finish_sends(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(SHUTDOWN_SECONDS):
                while self._sends:
                    await asyncio.wait(self._sends)
        for task in self._sends:  # still `submitting`: the next start looks into the sent box
            task.cancel()
        await asyncio.gather(*self._sends, return_exceptions=True)

    def _wake_lane(self, sim: int, lanes: asyncio.TaskGroup) -> None:
        """Also for a slot without a SIM: the radio knows best why it does not send."""
        if sim not in self._lanes:
            self._lanes[sim] = Lane(sim, asyncio.Semaphore(self._radio.parallel_sends))
            lanes.create_task(self._run_lane(self._lanes[sim]))
        self._lanes[sim].woken.set()

    async def _run_lane(self, lane: Lane) -> None:
        while True:
            await lane.woken.wait()
            lane.woken.clear()
            while await self._start_when_free(lane):
                await asyncio.sleep(self._gap_seconds(lane.sim))

    async def _start_when_free(self, lane: Lane) -> bool:
        await lane.free.acquire()
        await self._active.wait()
        # Shielded: a text claimed during shutdown must reach the radio, or it would end up as
        # "unknown" although nothing happened to it.
        return await asyncio.shield(self._track(self._start_next(lane)))

    async def _start_next(self, lane: Lane) -> bool:
        """Begin to send the lane's next text. False if there is none."""
        message = await self._journal.write(self._journal.claim_next, lane.sim)
        if message is None:
            lane.free.release()
            return False
        crash.reach("submitting")
        self._track(self._submit(message, lane))
        return True

    async def _submit(self, message: OutgoingText, lane: Lane) -> None:
        try:
            outcome = await self._call_radio(message)
            crash.reach("radio_called")
            await self._journal.write(self._journal.finish, message.attempt_id, outcome)
            crash.reach("outcome_written")
            log.info("%s to %s: %s", message.attempt_id, message.to, outcome)
        finally:
            lane.free.release()

    async def _call_radio(self, message: OutgoingText) -> Outcome:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_SECONDS):
                return await self._radio.send(message)
        except Exception as error:  # whatever a back-end raises: nobody knows what happened
            log.exception("The radio broke off at %s", message.attempt_id)
            return await self._look_up(message.attempt_id, f"the radio broke off: {error!r}")

    async def _look_up(self, attempt_id: str, reason: str) -> Outcome:
        parts = await self._radio.was_sent(attempt_id)
        return Sent(parts) if parts is not None else Failed("unknown", reason)

    def _gap_seconds(self, sim: int) -> float:
        pace = self._paces.get(sim, SimPace(sim))
        return (pace.min_gap_ms + SystemRandom().uniform(0, pace.jitter_ms)) / 1000

    def _track(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._sends.add(task)
        task.add_done_callback(self._sends.discard)
        return task
