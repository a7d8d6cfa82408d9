"""The simulated phone: sends nothing, but behaves, and can fail, as a phone does.

Each text that "leaves" it is one line in DATA_DIR/radio.log, on the disk before `send` returns.
A text that fails leaves no line. Delivery reports follow after a delay; those of the last texts
are told again after a restart, as a network would.

The end of the recipient's number forces what happens (off with --no-forced-outcomes):

| number ends in | what happens                                                     |
|----------------|------------------------------------------------------------------|
| 0001           | fails with `no_service`                                          |
| 0002           | fails with `radio_off`                                           |
| 0003           | fails with `limit_exceeded`                                      |
| 0004           | fails with `no_sim`                                              |
| 0005           | fails with `invalid_number`                                      |
| 0006           | fails with `rejected`                                            |
| 0007           | fails with `generic_failure`                                     |
| 0008           | is sent, then a negative delivery report: `undelivered`          |
| 0009           | is sent, and no delivery report ever comes                       |
| 0010           | the radio breaks off without an answer; reported as `unknown`    |

A failure by chance (--failure-rate) is `no_service`, so that a gateway may try again.
"""

import asyncio
import random
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path

from agent.batching import Batcher
from agent.errors import AgentError
from agent.frames import timestamp
from agent.radios.base import (
    DeliveryReport,
    EventHandler,
    Failed,
    FailureCode,
    Finding,
    Outcome,
    OutgoingText,
    Radio,
    Sent,
    Sim,
    Status,
)
from agent.radios.inbox import MAX_SIMS, Inbox
from agent.radios.options import option
from agent.radios.segments import count_segments
from agent.radios.sent_log import SentLine, SentLog

FORCED_FAILURES: dict[str, FailureCode] = {
    "0001": "no_service",
    "0002": "radio_off",
    "0003": "limit_exceeded",
    "0004": "no_sim",
    "0005": "invalid_number",
    "0006": "rejected",
    "0007": "generic_failure",
}
UNDELIVERED, NO_REPORT, BREAKS_OFF = "0008", "0009", "0010"
INBOX_POLL_SECONDS = 0.2
REPORTS_TOLD_AGAIN = 1000  # after a restart


@dataclass(frozen=True)
class SimulatedOptions:
    """How the simulated phone behaves. Raises AgentError for values that make no sense."""

    delay_ms: float = option(200.0, "how long the radio takes for one text")
    failure_rate: float = option(0.0, "share of texts that fail by chance, 0 to 1")
    delivery_reports: bool = option(True, "tell when a text was delivered")
    report_delay_ms: float = option(300.0, "from sent to the delivery report")
    sims: int = option(1, f"number of SIM cards, 1 to {MAX_SIMS}")
    seed: str = option("", "any word; makes the failures by chance repeatable")
    forced_outcomes: bool = option(True, "obey the last four digits of a number")

    def __post_init__(self) -> None:
        if min(self.delay_ms, self.report_delay_ms) < 0:
            raise AgentError("A delay of the simulated phone is 0 or more milliseconds.")
        if not (0 <= self.failure_rate <= 1 and 1 <= self.sims <= MAX_SIMS):
            raise AgentError(
                f"The simulated phone has a failure rate of 0 to 1 and 1 to {MAX_SIMS} SIMs."
            )


class SimulatedRadio(Radio):
    """See the module's docstring."""

    kind = "simulated"
    model = "Simulated phone"
    parallel_sends = 16
    options = SimulatedOptions

    def __init__(self, data_dir: Path, options: SimulatedOptions = SimulatedOptions()) -> None:
        self._options = options
        if options.delivery_reports:
            self.capabilities = ("delivery_reports",)
        self._chance = random.Random(options.seed or None)  # noqa: S311 - repeatable, guards nothing
        self._inbox = Inbox(data_dir)
        try:
            self._log = SentLog(data_dir)
        except OSError as error:
            raise AgentError(f"Cannot open the radio log in {data_dir}: {error}.") from error
        self._writer = Batcher(self._log.append)
        self._reports: asyncio.Queue[tuple[float, SentLine]] = asyncio.Queue()

    @classmethod
    async def examine(cls, data_dir: Path, options: SimulatedOptions) -> list[Finding]:
        """There is nothing that could be missing."""
        return [Finding(True, "The simulated phone needs no hardware.")]

    async def open(self) -> None:
        """It is open already."""

    async def run(self, on_event: EventHandler) -> None:
        """Tell delivery reports when they are due, and the inbox's texts as they are typed."""
        loop = asyncio.get_running_loop()
        for line in deque(self._log.lines(), REPORTS_TOLD_AGAIN):
            self._reports.put_nowait((loop.time(), line))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tell_reports(on_event))
            tasks.create_task(self._tell_inbox(on_event))

    async def aclose(self) -> None:
        """Finish the log and close the files."""
        await self._writer.finish()
        self._log.close()
        self._inbox.close()

    async def send(self, message: OutgoingText) -> Outcome:
        """Wait the delay, then write the line or fail."""
        ending = message.to[-4:] if self._options.forced_outcomes else ""
        unlucky = self._chance.random() < self._options.failure_rate
        await asyncio.sleep(self._options.delay_ms / 1000)
        if message.sim > self._options.sims:
            return Failed("no_sim", f"there is no SIM in slot {message.sim}")
        if ending in FORCED_FAILURES:
            return Failed(FORCED_FAILURES[ending], f"forced by a number that ends in {ending}")
        if ending == BREAKS_OFF:
            raise ConnectionAbortedError("the simulated radio broke off")
        if unlucky:
            return Failed("no_service", "by chance, as --failure-rate asks")
        line = SentLine(
            at=timestamp(),
            attempt_id=message.attempt_id,
            to=message.to,
            text=message.text,
            sim=message.sim,
            segments=count_segments(message.text),
        )
        await self._writer.submit(line)
        due = asyncio.get_running_loop().time() + self._options.report_delay_ms / 1000
        self._reports.put_nowait((due, line))
        return Sent(line.segments)

    async def was_sent(self, attempt_id: str) -> int | None:
        """Look into radio.log."""
        line = await asyncio.to_thread(self._log.find, attempt_id)
        return line.segments if line else None

    def sims(self) -> list[Sim]:
        """As many as asked for, with numbers of their own."""
        return [
            Sim(slot, number=f"+658123990{slot}", carrier="Simulated")
            for slot in range(1, self._options.sims + 1)
        ]

    def status(self) -> Status:
        """Always in good health."""
        return Status(battery=100, charging=True, network="wifi", signal=4)

    async def _tell_reports(self, on_event: EventHandler) -> None:
        while True:
            due, line = await self._reports.get()  # in order of `due`: the delay is constant
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            for report in self._reports_on(line):
                await on_event(report)

    def _reports_on(self, line: SentLine) -> list[DeliveryReport]:
        ending = line.to[-4:] if self._options.forced_outcomes else ""
        if not self._options.delivery_reports or ending == NO_REPORT:
            return []
        if ending == UNDELIVERED:
            reason = f"forced by a number that ends in {ending}"
            return [DeliveryReport(line.attempt_id, delivered=False, reason=reason)]
        parts = line.segments
        return [DeliveryReport(line.attempt_id, part, parts) for part in range(1, parts + 1)]

    async def _tell_inbox(self, on_event: EventHandler) -> None:
        numbers = {sim.slot: sim.number for sim in self.sims()}
        while True:
            for text in self._inbox.waiting():
                await on_event(replace(text, to=numbers.get(text.sim or 0)))
                self._inbox.remove(text)
            await asyncio.sleep(INBOX_POLL_SECONDS)
