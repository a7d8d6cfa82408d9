"""From the journal to the gateway: each fact is repeated until the gateway has answered it."""

import asyncio
import time
from contextlib import suppress
from math import inf

from agent import crash
from agent.journal import Fact, Journal
from agent.line import Line

WINDOW = 50  # facts in flight; a big backlog goes out at the pace of the acks
REPORTS = ("message.sent", "message.failed")


class Outbox:
    """In flight are always the oldest `WINDOW` facts without an ack."""

    def __init__(self, journal: Journal, repeat_seconds: float) -> None:
        self._journal = journal
        self._repeat_seconds = repeat_seconds

    async def run(self, line: Line) -> None:
        """Feed one line until it ends (Closed, NoLine) or this is cancelled."""
        sent_at: dict[str, float] = {}
        while True:
            self._journal.changed.clear()
            facts = await self._journal.read(self._journal.open_facts, WINDOW)
            sent_at = {fact.id: sent_at[fact.id] for fact in facts if fact.id in sent_at}
            repeat = time.monotonic() - self._repeat_seconds
            due = [fact for fact in facts if sent_at.get(fact.id, -inf) <= repeat]
            await self._send(line, due)
            sent_at |= dict.fromkeys((fact.id for fact in due), time.monotonic())
            next_repeat = min(sent_at.values(), default=time.monotonic()) + self._repeat_seconds
            with suppress(TimeoutError):
                async with asyncio.timeout(next_repeat - time.monotonic()):
                    await self._journal.changed.wait()

    async def _send(self, line: Line, facts: list[Fact]) -> None:
        if facts:
            await line.send([fact.frame for fact in facts])
        for fact in facts:
            if fact.type == "message.accepted":
                crash.reach("accepted")
            elif fact.type in REPORTS:
                crash.reach("reported")
