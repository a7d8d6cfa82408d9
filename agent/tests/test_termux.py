"""The phone that the agent itself runs on, with fakes of Termux:API's programs."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.radios.base import Failed, IncomingText, OutgoingText, RadioEvent, Sent, Sim, Status
from agent.radios.termux import TermuxOptions, TermuxRadio
from agent.tests.events import told
from agent.tests.rigs import Rig, make_rig

QUICK = TermuxOptions(poll_seconds=0.02)
HI = OutgoingText("m1", "+6591234567", "Hi", 1)
REFUSAL = '{"error": "Please grant the following permission to use this command: SEND_SMS"}'


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = make_rig("termux", tmp_path)
    for name, value in rig.environment.items():
        monkeypatch.setenv(name, value)
    return rig


@pytest.fixture
async def radio(rig: Rig) -> AsyncIterator[TermuxRadio]:
    radio = TermuxRadio(rig.data_dir, QUICK)
    await radio.open()
    yield radio
    await radio.aclose()


def fill_inbox(rig: Rig, *rows: tuple[int, str, str]) -> None:
    """(_id, text, time of day) of each text in the phone's inbox."""
    told: list[dict[str, Any]] = [
        {
            "threadid": 1,
            "type": "inbox",
            "read": False,
            "address": "+6581110000",
            "number": "+6581110000",
            "received": f"2026-11-21 {time}",
            "body": text,
            "_id": identifier,
        }
        for identifier, text, time in rows
    ]
    rig.switch("inbox.json", msgspec.json.encode(told).decode())


async def texts_until(radio: TermuxRadio, last: str) -> list[str]:
    """What is told until the text `last` comes."""

    def texts(events: list[RadioEvent]) -> list[str]:
        return [event.text for event in events if isinstance(event, IncomingText)]

    return texts(await told(radio, lambda events: last in texts(events)))


async def first_look(radio: TermuxRadio) -> None:
    """Set the mark at what is in the inbox now."""
    assert await radio._inbox.new_rows() == []


async def test_phone_tells_carrier_and_battery_but_no_delivery_reports(radio: TermuxRadio) -> None:
    assert radio.sims() == [Sim(1, carrier="Example Mobile")]
    assert radio.status() == Status(battery=84, charging=True)
    assert radio.capabilities == ()


@pytest.mark.parametrize(
    "text", ["Hi", "-n", "two\nlines", r"back\nslash", "$HOME `id` 'x' \"y\" 😀"]
)
async def test_text_is_handed_over_as_it_is(rig: Rig, radio: TermuxRadio, text: str) -> None:
    assert await radio.send(replace(HI, text=text)) == Sent(1)
    assert rig.sent() == [{"to": "+6591234567", "text": text, "slot": None}]


async def test_slot_counts_from_zero_on_a_phone_with_two_sims(rig: Rig) -> None:
    async with aclosing(TermuxRadio(rig.data_dir, replace(QUICK, sims=2))) as radio:
        assert await radio.send(replace(HI, sim=2)) == Sent(1)
        assert await radio.send(replace(HI, sim=1)) == Sent(1)
        outcome = await radio.send(replace(HI, sim=3))
    assert [line["slot"] for line in rig.sent()] == ["1", "0"]
    assert isinstance(outcome, Failed) and outcome.code == "no_sim"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"to": "+651,+652"}, "invalid_number"),
        ({"to": "+651 --ei slot 1"}, "invalid_number"),
        ({"to": "MyBank"}, "invalid_number"),
        ({"text": " \n"}, "rejected"),
        ({"sim": 2}, "no_sim"),
    ],
)
async def test_what_cannot_be_sent_is_not_tried(
    rig: Rig, radio: TermuxRadio, changes: dict[str, Any], code: str
) -> None:
    outcome = await radio.send(replace(HI, **changes))
    assert isinstance(outcome, Failed) and outcome.code == code
    assert rig.sent() == []


async def test_missing_permission_fails_and_says_so(rig: Rig, radio: TermuxRadio) -> None:
    rig.switch("send-error", REFUSAL)
    reason = "Termux:API: Please grant the following permission to use this command: SEND_SMS"
    assert await radio.send(HI) == Failed("no_permission", reason)


async def test_answer_that_never_comes_leaves_it_open(rig: Rig) -> None:
    rig.switch("send-hangs")
    async with aclosing(TermuxRadio(rig.data_dir, replace(QUICK, send_seconds=0.5))) as radio:
        with pytest.raises(TimeoutError):
            await radio.send(HI)
        assert await radio.was_sent("m1") is None
    assert len(rig.sent()) == 1


async def test_old_inbox_is_not_told_and_what_comes_then_is(rig: Rig, radio: TermuxRadio) -> None:
    fill_inbox(rig, (7, "old", "10:00:00"), (9, "also old", "11:00:00"))
    await first_look(radio)
    fill_inbox(rig, (9, "also old", "11:00:00"), (12, "b", "12:00:01"), (11, "a", "12:00:00"))
    assert await texts_until(radio, "b") == ["a", "b"]


async def test_mark_is_kept_across_restarts(rig: Rig, radio: TermuxRadio) -> None:
    await first_look(radio)
    fill_inbox(rig, (1, "first", "12:00:00"))
    assert await texts_until(radio, "first") == ["first"]
    await radio.aclose()
    fill_inbox(rig, (1, "first", "12:00:00"), (2, "second", "12:00:01"))
    async with aclosing(TermuxRadio(rig.data_dir, QUICK)) as again:
        assert await texts_until(again, "second") == ["second"]


async def test_text_that_was_not_stored_is_told_again_with_its_key(
    rig: Rig, radio: TermuxRadio
) -> None:
    await first_look(radio)
    fill_inbox(rig, (1, "Hi", "12:00:00"))
    keys: list[str] = []

    async def refuse(event: RadioEvent) -> None:
        assert isinstance(event, IncomingText)
        keys.append(event.provider_key)
        raise OSError("the disk is full")

    for _ in range(2):
        with pytest.raises(OSError, match="the disk is full"):
            await radio.run(refuse)
    assert len(keys) == 2 and len(set(keys)) == 1


async def test_backlog_of_several_pages_is_told_in_order(rig: Rig, radio: TermuxRadio) -> None:
    await first_look(radio)
    rows = [(n, f"text {n}", f"12:{n // 60:02}:{n % 60:02}") for n in range(1, 131)]
    fill_inbox(rig, *rows)
    assert await texts_until(radio, "text 130") == [text for _, text, _ in rows]


async def test_id_that_android_gives_again_is_a_new_text(rig: Rig, radio: TermuxRadio) -> None:
    fill_inbox(rig, (5, "deleted later", "10:00:00"))
    await first_look(radio)
    fill_inbox(rig, (5, "new", "12:00:00"))
    assert await texts_until(radio, "new") == ["new"]


@pytest.mark.parametrize(("sims", "expected"), [(1, 1), (2, None)])
async def test_inbound_text_has_a_sim_only_if_there_is_one(
    rig: Rig, sims: int, expected: int | None
) -> None:
    async with aclosing(TermuxRadio(rig.data_dir, replace(QUICK, sims=sims))) as radio:
        await first_look(radio)
        fill_inbox(rig, (1, "Hi", "12:00:00"))
        (event,) = await told(radio, len)
    assert isinstance(event, IncomingText)
    assert (event.sender, event.sim) == ("+6581110000", expected)
    local = datetime.fromisoformat("2026-11-21 12:00:00").astimezone()
    assert event.received_at == local
