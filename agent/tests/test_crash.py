"""The promise of the journal, with a real process that really dies: never a second send.

With each of the four radios: the truth is what the fake behind the radio says that it sent.
"""

import asyncio
import os
import random
import sys
from collections import Counter
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
from agent.tests.rigs import RADIOS, Rig, make_rig

ROOT = Path(__file__).resolve().parents[2]
UNKNOWN = {"message.accepted", "message.failed"}
FIRST, SECOND = "+6591234561", "+6591234562"
Kind = type[FakeGateway]
# Over HTTP with one of them: the radio does not know which way its texts came.
PHONES = [*((radio, FakeGateway) for radio in RADIOS), ("simulated", FakeHttpGateway)]
with_each_phone = pytest.mark.parametrize(
    ("radio", "kind"), PHONES, ids=[f"{radio}-{kind.transport}" for radio, kind in PHONES]
)


@asynccontextmanager
async def agent_process(
    data_dir: Path, *options: str, crash_at: str = "", rig: Rig | None = None
) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m agent run` on a folder, killed at the end (of time, too) if it still runs."""
    radio = ("--radio", rig.radio, *rig.options) if rig else ()
    fast = () if rig else ("--delay-ms", "5", "--report-delay-ms", "5")
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "agent", "run", "--data-dir", str(data_dir), *radio, *fast, *options),
        cwd=ROOT,
        env={**os.environ, **(rig.environment if rig else {}), "AGENT_CRASH_AT": crash_at},
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
        if rig is not None:
            rig.collect()


@with_each_phone
@pytest.mark.parametrize("step", ["stored", "outcome_written", "reported"])
async def test_crash_where_the_journal_knows_neither_loses_nor_doubles(
    tmp_path: Path, radio: str, kind: Kind, step: str
) -> None:
    rig = make_rig(radio, tmp_path)
    assert await facts_after_crash(rig, step, kind) == rig.ends
    assert rig.sent_numbers() == [FIRST, SECOND]


@with_each_phone
async def test_crash_before_the_radio_call_is_unknown_and_sends_nothing(
    tmp_path: Path, radio: str, kind: Kind
) -> None:
    rig = make_rig(radio, tmp_path)
    assert await facts_after_crash(rig, "submitting", kind) == UNKNOWN
    assert rig.sent_numbers() == [SECOND]


@pytest.mark.parametrize(
    ("radio", "knows"),
    [("simulated", True), ("modemmanager", True), ("gammu", True), ("termux", False)],
)
async def test_crash_after_the_radio_call_is_known_where_the_radio_remembers(
    tmp_path: Path, radio: str, knows: bool
) -> None:
    rig = make_rig(radio, tmp_path)
    assert await facts_after_crash(rig, "radio_called") == (rig.ends if knows else UNKNOWN)
    assert rig.sent_numbers() == [FIRST, SECOND]


@pytest.mark.parametrize(
    ("radio", "knows"), [("modemmanager", True), ("gammu", False), ("termux", False)]
)
async def test_crash_before_the_back_end_noted_the_answer_sends_once(
    tmp_path: Path, radio: str, knows: bool
) -> None:
    rig = make_rig(radio, tmp_path)
    assert await facts_after_crash(rig, "handed_over") == (rig.ends if knows else UNKNOWN)
    assert rig.sent_numbers() == [FIRST, SECOND]


@pytest.mark.parametrize(("radio", "knows"), [("modemmanager", True), ("termux", False)])
async def test_kill_between_call_and_answer_sends_once(
    tmp_path: Path, radio: str, knows: bool
) -> None:
    rig = make_rig(radio, tmp_path)
    rig.switch("send-kills")
    assert await facts_after_crash(rig, "", died_with=-9) == (rig.ends if knows else UNKNOWN)
    assert rig.sent_numbers() == [FIRST, SECOND]


@with_each_phone
async def test_crash_after_accepted_neither_loses_nor_doubles(
    tmp_path: Path, radio: str, kind: Kind
) -> None:
    rig = make_rig(radio, tmp_path)
    facts = await facts_after_crash(rig, "accepted", kind)
    # The radio works beside the socket, so it may or may not have been called by then.
    sent = rig.sent_numbers()
    assert sent[-1:] == [SECOND]
    assert sent[:-1] in ([[], [FIRST]] if facts == UNKNOWN else [[FIRST]])
    assert facts in (UNKNOWN, rig.ends)


async def facts_after_crash(
    rig: Rig, step: str, kind: Kind = FakeGateway, died_with: int = 137
) -> set[str]:
    """Offer m1, crash at the step, start again; return all that was told about m1.

    Checks on the way that the second process works (m2), and that facts kept their ids.
    """
    async with kind() as gateway:
        how = ("--transport", gateway.transport)
        paired_folder(gateway, rig.data_dir)
        gateway.offers_at_hello = [offer("m1", FIRST)]  # and so once more after the restart
        async with agent_process(rig.data_dir, *how, crash_at=step, rig=rig) as process:
            assert await process.wait() == died_with
        async with agent_process(rig.data_dir, *how, crash_at=step, rig=rig) as process:
            await gateway.until_received("hello", 2)
            await gateway.until(lambda: set(gateway.facts("m1")) in (UNKNOWN, rig.ends))
            await gateway.offer("m2", SECOND)
            await gateway.until(lambda: set(gateway.facts("m2")) == rig.ends)
            process.terminate()
            assert await process.wait() == 0
    facts = set(gateway.facts("m1"))
    codes = {failed["code"] for failed in gateway.of_type("message.failed")}
    assert codes == ({"unknown"} if facts == UNKNOWN else set())
    ids = {frame["id"] for frame in gateway.received if frame.get("attempt_id") == "m1"}
    assert len(ids) == len(facts)
    return facts


@pytest.mark.parametrize("radio", ["modemmanager", "gammu", "termux"])
async def test_kills_at_random_moments_never_double_with_real_radios(
    tmp_path: Path, radio: str
) -> None:
    rig = make_rig(radio, tmp_path)
    chance = random.Random(20_260_131)
    numbers = {f"m{n}": f"+65912{n:05}" for n in range(12)}

    def ended(*types: str) -> set[str]:
        return {fact["attempt_id"] for fact in gateway.of_type(*types)}

    async with FakeGateway() as gateway:
        paired_folder(gateway, rig.data_dir)
        gateway.offers_at_hello = [offer(attempt_id, to) for attempt_id, to in numbers.items()]
        for round_ in range(1, 5):
            async with agent_process(rig.data_dir, rig=rig):  # leaving it is a SIGKILL
                await gateway.until_received("hello", round_)
                await asyncio.sleep(chance.uniform(0.05, 0.6))  # the moment is the test
        async with agent_process(rig.data_dir, rig=rig):
            await gateway.until(lambda: ended("message.sent", "message.failed") == set(numbers))
    left = Counter(rig.sent_numbers())
    assert set(left.values()) == {1}
    told_sent = {numbers[attempt_id] for attempt_id in ended("message.sent")}
    told_unknown = {numbers[attempt_id] for attempt_id in ended("message.failed")}
    assert told_sent <= set(left)
    assert told_sent | told_unknown == set(numbers.values())
    assert told_sent & told_unknown == set()
    assert len(told_unknown) <= 4  # at most the one text in each of the kills
    assert {f["code"] for f in gateway.of_type("message.failed")} <= {"unknown"}


@pytest.mark.parametrize("kind", [FakeGateway, FakeHttpGateway], ids=["socket", "http"])
async def test_kills_at_random_moments_neither_lose_nor_double(tmp_path: Path, kind: Kind) -> None:
    chance = random.Random(20_260_131)
    ids = [f"m{number}" for number in range(120)]
    ends = ("message.sent", "message.failed")

    def has_ended(attempt_id: str) -> bool:
        return any(fact in ends for fact in gateway.facts(attempt_id))

    async with kind() as gateway:
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
