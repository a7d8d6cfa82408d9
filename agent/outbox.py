"""From the journal to the gateway: each fact is repeated until the gateway has answered it."""

import asyncio
import time
from contextlib import suppress
from math import inf

from websockets.asyncio.client import ClientConnection

from agent import crash
from agent.journal import Fact, Journal

WINDOW = 50  # facts in flight; a big backlog goes out at the pace of the acks
REPORTS = ("message.sent", "message.failed")


class Outbox:
    """In flight are always the oldest `WINDOW` facts without an ack."""

    def __init__(self, journal: Journal, repeat_seconds: float) -> None:
        self._journal = journal
        self._repeat_seconds = repeat_seconds

    async def run(self, socket: ClientConnection) -> None:
        """Feed one connection until it closes (ConnectionClosed) or this is cancelled."""
        sent_at: dict[str, float] = {}
        while True:
            self._journal.changed.clear()
            facts = await self._journal.read(self._journal.open_facts, WINDOW)
            sent_at = {fact.id: sent_at[fact.id] for fact in facts if fact.id in sent_at}
            for fact in facts:
                if time.monotonic() >= sent_at.get(fact.id, -inf) + self._repeat_seconds:
                    await self._send(socket, fact)
                    sent_at[fact.id] = time.monotonic()
            next_repeat = min(sent_at.values(), default=time.monotonic()) + self._repeat_seconds
            with suppress(TimeoutError):
                async with asyncio.timeout(next_repeat - time.monotonic()):
                    await self._journal.changed.wait()

    async def _send(self, socket: ClientConnection, fact: Fact) -> None:
        await socket.send(fact.frame)
        if fact.type == "message.accepted":
            crash.reach("accepted")
        elif fact.type in REPORTS:
            crash.reach("reported")
