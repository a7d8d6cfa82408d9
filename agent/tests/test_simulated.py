"""How the simulated phone behaves, and that its log and inbox can be trusted."""

import asyncio
from collections import Counter
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from agent.errors import AgentError
from agent.frames import MAX_TEXT_CHARACTERS
from agent.radios.base import Failed, Outcome, OutgoingText, RadioEvent, Sent
from agent.radios.inbox import Inbox
from agent.radios.sent_log import FILE_NAME, SentLog, SentLogFollower
from agent.radios.simulated import SimulatedOptions, SimulatedRadio
from agent.tests.gateway import (
    QUICK_PHONE,
    FakeGateway,
    offer,
    running_agent,
    sent_ids,
    sent_lines,
)


def outgoing(attempt_id: str, to: str = "+6591234567", text: str = "Hi") -> OutgoingText:
    return OutgoingText(attempt_id, to, text, 1)


@pytest.mark.parametrize(
    ("ending", "code"),
    [
        ("0001", "no_service"),
        ("0002", "radio_off"),
        ("0003", "limit_exceeded"),
        ("0004", "no_sim"),
        ("0005", "invalid_number"),
        ("0006", "rejected"),
        ("0007", "generic_failure"),
    ],
)
async def test_end_of_the_number_forces_a_failure(tmp_path: Path, ending: str, code: str) -> None:
    async with aclosing(SimulatedRadio(tmp_path, QUICK_PHONE)) as radio:
        outcome = await radio.send(outgoing("m1", f"+659123{ending}"))
    assert outcome == Failed(code, f"forced by a number that ends in {ending}")  # type: ignore[arg-type]  # a parameter is a plain str
    assert sent_lines(tmp_path) == []


async def test_forced_outcomes_can_be_switched_off(tmp_path: Path) -> None:
    plain = replace(QUICK_PHONE, forced_outcomes=False)
    async with aclosing(SimulatedRadio(tmp_path, plain)) as radio:
        assert await radio.send(outgoing("m1", "+6591230001")) == Sent(1)


async def test_line_is_written_before_send_returns(tmp_path: Path) -> None:
    async with aclosing(SimulatedRadio(tmp_path, QUICK_PHONE)) as radio:
        assert await radio.send(outgoing("m1", text="ä€я" * 30)) == Sent(2)
        (line,) = (tmp_path / FILE_NAME).read_bytes().splitlines()
        assert await radio.was_sent("m1") == 2
        assert await radio.was_sent("m2") is None
    fields = msgspec.json.decode(line)
    assert fields.pop("at").endswith("Z")
    assert fields == {
        "attempt_id": "m1",
        "to": "+6591234567",
        "text": "ä€я" * 30,
        "sim": 1,
        "segments": 2,
    }


async def test_failures_by_chance_repeat_with_the_seed(tmp_path: Path) -> None:
    async def outcomes(seed: str) -> list[Outcome]:
        options = replace(QUICK_PHONE, failure_rate=0.5, seed=seed)
        async with aclosing(SimulatedRadio(tmp_path, options)) as radio:
            return [await radio.send(outgoing(f"m{number}")) for number in range(40)]

    first = await outcomes("a")
    assert await outcomes("a") == first
    assert await outcomes("b") != first
    by_chance = Failed("no_service", "by chance, as --failure-rate asks")
    counts = Counter(first)
    assert counts.keys() == {Sent(1), by_chance}
    assert 8 <= counts[by_chance] <= 32


@pytest.mark.parametrize(
    "options",
    [{"delay_ms": -1}, {"report_delay_ms": -1}, {"failure_rate": 1.1}, {"sims": 0}, {"sims": 9}],
)
def test_options_that_make_no_sense_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(AgentError):
        SimulatedOptions(**options)  # type: ignore[arg-type]  # values of several types


def test_line_cut_by_a_power_failure_is_removed(tmp_path: Path) -> None:
    whole = b'{"at":"2026-01-31T12:00:00.000Z","attempt_id":"m1","to":"+65","text":"x","sim":1,"segments":1}\n'  # noqa: E501 - one line is what this is about
    (tmp_path / FILE_NAME).write_bytes(whole + whole[:40])
    log = SentLog(tmp_path)
    assert log.find("m1") is not None
    assert (tmp_path / FILE_NAME).read_bytes() == whole
    log.close()


async def test_follower_sees_whole_new_lines_once(tmp_path: Path) -> None:
    async with aclosing(SimulatedRadio(tmp_path, QUICK_PHONE)) as radio:
        await radio.send(outgoing("before"))
        follower = SentLogFollower(tmp_path)
        assert follower.new_lines() == []
        await radio.send(outgoing("after"))
    with (tmp_path / FILE_NAME).open("ab") as file:
        file.write(b'{"at":"')
    assert [line.attempt_id for line in follower.new_lines()] == ["after"]
    assert follower.new_lines() == []


async def test_parts_and_reports_reach_the_gateway(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        gateway.offers_at_hello = [
            offer("long", text="a" * 400, segments=3),
            offer("undelivered", "+6591230008"),
            offer("unreported", "+6591230009"),
        ]
        async with running_agent(gateway, tmp_path):
            await gateway.until(lambda: len(gateway.facts("long")) == 7)
            await gateway.until(lambda: "message.failed" in gateway.facts("undelivered"))
            await gateway.until(lambda: "message.sent" in gateway.facts("undelivered"))
            await gateway.until(lambda: "message.sent" in gateway.facts("unreported"))
    for type_name in ("message.sent", "message.delivered"):
        parts = [f for f in gateway.of_type(type_name) if f["attempt_id"] == "long"]
        assert [(f["part"], f["parts"]) for f in parts] == [(1, 3), (2, 3), (3, 3)]
    (failed,) = gateway.of_type("message.failed")
    assert (failed["attempt_id"], failed["code"]) == ("undelivered", "undelivered")
    assert gateway.facts("unreported") == ["message.accepted", "message.sent"]


async def test_reports_lost_in_a_restart_are_told_afterwards(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        gateway.offers_at_hello = [offer("m1")]
        async with running_agent(gateway, tmp_path, replace(QUICK_PHONE, report_delay_ms=9e6)):
            await gateway.until_received("message.sent")
        async with running_agent(gateway, tmp_path):
            await gateway.until_received("message.delivered")
    assert sent_ids(tmp_path) == ["m1"]


async def test_typed_text_is_received_with_a_key_that_stays(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.add("+6581230000", "Hello 😀", sim=1)
    inbox.add("+6581230000", "Hello 😀", sim=1)
    keys = [text.provider_key for text in inbox.waiting()]
    async with FakeGateway() as gateway:
        gateway.wants_to_ack = lambda frame: False
        async with running_agent(gateway, tmp_path):
            received = await gateway.until_received("message.received", 2)
        gateway.received.clear()
        async with running_agent(gateway, tmp_path):
            again = await gateway.until_received("message.received", 2)
    assert again == received
    assert [frame["provider_key"] for frame in received] == keys
    assert len({frame["id"] for frame in received}) == 2
    assert [frame["text"] for frame in received] == ["Hello 😀"] * 2
    assert received[0]["from"] == "+6581230000"
    assert received[0]["to"] == "+6581239901"
    assert len(received[0]["received_at"]) == len("2026-01-31T12:00:00.000Z")
    assert inbox.waiting() == []


async def test_text_not_yet_stored_stays_in_the_inbox(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path)
    inbox.add("+6581230000", "Hello")
    told: list[RadioEvent] = []

    async def crash_before_storing(event: RadioEvent) -> None:
        told.append(event)
        raise ConnectionAbortedError

    for _ in range(2):
        async with aclosing(SimulatedRadio(tmp_path)) as radio:
            with pytest.raises(ExceptionGroup):
                await asyncio.wait_for(radio.run(crash_before_storing), 5)
    assert len(told) == 2
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("sender", "text", "sim"),
    [
        ("", "Hi", 1),
        ("+65 8123", "Hi", 1),
        ("+65", "", 1),
        ("+65", "a" * (MAX_TEXT_CHARACTERS + 1), 1),
        ("+65", "Hi", 0),
        ("+65", "Hi", 9),
    ],
)
def test_inbox_refuses_what_no_network_carries(
    tmp_path: Path, sender: str, text: str, sim: int
) -> None:
    inbox = Inbox(tmp_path)
    with pytest.raises(AgentError):
        inbox.add(sender, text, sim)
    assert inbox.waiting() == []
