"""The promise of the journal, with a real process that really dies: never a second send."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agent.tests.gateway import (
    DEADLINE_SECONDS,
    FakeGateway,
    offer,
    paired_folder,
    sent_ids,
)
from agent.tests.http_gateway import FakeHttpGateway

ROOT = Path(__file__).resolve().parents[2]
UNKNOWN = {"message.accepted", "message.failed"}
SENT_AND_DELIVERED = {"message.accepted", "message.sent", "message.delivered"}
Kind = type[FakeGateway]


@pytest.fixture(params=[FakeGateway, FakeHttpGateway], ids=["socket", "http"])
def gateway_kind(request: pytest.FixtureRequest) -> Kind:
    """The scripted gateway's class; the phone uses the transport that it names."""
    kind: Kind = request.param
    return kind


@asynccontextmanager
async def agent_process(
    data_dir: Path, *options: str, crash_at: str = ""
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m agent run` on a folder, killed at the end (of time, too) if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "agent", "run", "--data-dir", str(data_dir)),
        *("--delay-ms", "5", "--report-delay-ms", "5", *options),
        cwd=ROOT,
        env={**os.environ, "AGENT_CRASH_AT": crash_at},
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(2 * DEADLINE_SECONDS):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.parametrize(
    ("step", "lines", "facts"),
    [
        ("stored", ["m1"], SENT_AND_DELIVERED),
        ("submitting", [], UNKNOWN),
        ("radio_called", ["m1"], SENT_AND_DELIVERED),
        ("outcome_written", ["m1"], SENT_AND_DELIVERED),
        ("reported", ["m1"], SENT_AND_DELIVERED),
    ],
)
async def test_crash_at_a_step_neither_loses_nor_doubles(
    tmp_path: Path, gateway_kind: Kind, step: str, lines: list[str], facts: set[str]
) -> None:
    assert await facts_after_crash(tmp_path, gateway_kind, step) == facts
    assert sent_ids(tmp_path) == [*lines, "m2"]


async def test_crash_after_accepted_neither_loses_nor_doubles(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    facts = await facts_after_crash(tmp_path, gateway_kind, "accepted")
    # The radio works beside the socket, so it may or may not have been called by then.
    assert sent_ids(tmp_path) == ["m2"] if facts == UNKNOWN else ["m1", "m2"]
    assert facts in (UNKNOWN, SENT_AND_DELIVERED)


async def facts_after_crash(data_dir: Path, kind: Kind, step: str) -> set[str]:
    """Offer m1, crash at the step, start again; return all that was told about m1.

    Checks on the way that the second process works (m2), and that facts kept their ids.
    """
    async with kind() as gateway:
        how = ("--transport", gateway.transport)
        paired_folder(gateway, data_dir)
        gateway.offers_at_hello = [offer("m1")]  # and so once more after the restart
        async with agent_process(data_dir, *how, crash_at=step) as process:
            assert await process.wait() == 137
        async with agent_process(data_dir, *how, crash_at=step) as process:
            await gateway.until(lambda: set(gateway.facts("m1")) in (UNKNOWN, SENT_AND_DELIVERED))
            await gateway.offer("m2")
            await gateway.until(lambda: set(gateway.facts("m2")) == SENT_AND_DELIVERED)
            process.terminate()
            assert await process.wait() == 0
    facts = set(gateway.facts("m1"))
    codes = {failed["code"] for failed in gateway.of_type("message.failed")}
    assert codes == ({"unknown"} if facts == UNKNOWN else set())
    ids = {frame["id"] for frame in gateway.received if frame.get("attempt_id") == "m1"}
    assert len(ids) == len(facts)
    return facts


async def test_kills_at_random_moments_neither_lose_nor_double(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    chance = random.Random(20_260_131)
    ids = [f"m{number}" for number in range(120)]
    ends = ("message.sent", "message.failed")

    def has_ended(attempt_id: str) -> bool:
        return any(fact in ends for fact in gateway.facts(attempt_id))

    async with gateway_kind() as gateway:
        how = ("--transport", gateway.transport)
        paired_folder(gateway, tmp_path)
        pace = {"slot": 1, "min_gap_ms": 8, "jitter_ms": 8}
        gateway.settings = {"heartbeat_seconds": 60, "sims": [pace]}
        gateway.offers_at_hello = [offer(attempt_id) for attempt_id in ids]
        for round_ in range(1, 6):
            async with agent_process(tmp_path, *how):  # leaving it is a SIGKILL
                await gateway.until_received("hello", round_)
                await asyncio.sleep(chance.uniform(0.02, 0.3))  # the moment is the test
        async with agent_process(tmp_path, *how):
            await gateway.until(lambda: all(has_ended(attempt_id) for attempt_id in ids))
    lines = sent_ids(tmp_path)
    assert len(lines) == len(set(lines))
    told_sent = {f["attempt_id"] for f in gateway.of_type("message.sent")}
    told_unknown = {f["attempt_id"] for f in gateway.of_type("message.failed")}
    assert told_sent == set(lines)
    assert told_unknown == set(ids) - set(lines)
    assert {f["code"] for f in gateway.of_type("message.failed")} <= {"unknown"}
