"""A modem behind libgammu: gammu's own dummy device, whose folder and log are the truth."""

import asyncio
import importlib
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.errors import AgentError
from agent.radios import radio_class
from agent.radios.base import (
    DeliveryReport,
    Failed,
    IncomingText,
    Outcome,
    OutgoingText,
    Radio,
    RadioEvent,
    Sent,
    Sim,
    Status,
)
from agent.tests.dummy import drop_report, drop_text, inbox_names, inbox_of, sent_folder
from agent.tests.events import told
from agent.tests.gateway import until
from agent.tests.rigs import Rig, make_rig

HI = OutgoingText("m1", "+6591234567", "Hi", 1)
MOMENT = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    return make_rig("gammu", tmp_path)


def make_radio(rig: Rig, **fields: object) -> Radio:
    kind = radio_class("gammu")
    config = str(rig.home / "gammurc")
    options = kind.options(gammu_config=config, poll_seconds=0.02, keep_copies=True)
    return kind(rig.data_dir, replace(options, **fields))


@pytest.fixture
async def radio(rig: Rig) -> AsyncIterator[Radio]:
    radio = make_radio(rig)
    await radio.open()
    yield radio
    await radio.aclose()


async def test_modem_tells_carrier_signal_and_battery(radio: Radio) -> None:
    assert radio.sims() == [Sim(1, None, "GammuT3l")]
    assert radio.status() == Status(battery=100, charging=True, signal=2)
    assert radio.model == "Gammu Dummy"


@pytest.mark.parametrize("text", ["Hi", "two\nlines", "price: 5 €", "grüße ç 😀"])
async def test_short_text_leaves_as_it_is(rig: Rig, radio: Radio, text: str) -> None:
    assert await radio.send(replace(HI, text=text)) == Sent(1)
    assert rig.sent_numbers() == ["+6591234567"]
    assert [part["Text"] for part in sent_folder(rig.home)] == [text]
    assert await radio.was_sent("m1") == 1


async def test_long_text_leaves_in_parts_with_a_number_of_its_own(rig: Rig, radio: Radio) -> None:
    text = "Hällo €" * 30 + "я"
    assert await radio.send(replace(HI, text=text)) == Sent(4)
    assert await radio.send(replace(HI, attempt_id="m2", text=text)) == Sent(4)
    parts = sent_folder(rig.home)
    assert "".join(part["Text"] for part in parts) == text * 2
    headers = [part["UDH"]["Text"] for part in parts]
    assert [header[4:] for header in headers] == [bytes((4, n)) for n in (1, 2, 3, 4)] * 2
    assert headers[0][3] != headers[4][3]
    assert len(rig.sent_numbers()) == 8


async def test_copies_are_kept_only_when_asked_for(rig: Rig) -> None:
    radio = make_radio(rig, keep_copies=False)
    assert await radio.send(HI) == Sent(1)
    assert rig.sent_numbers() == ["+6591234567"]
    assert sent_folder(rig.home) == []
    await radio.aclose()


@pytest.mark.parametrize(
    ("message", "code"),
    [(replace(HI, to="MyBank"), "invalid_number"), (replace(HI, sim=2), "no_sim")],
)
async def test_what_cannot_be_sent_is_not_tried(
    rig: Rig, radio: Radio, message: OutgoingText, code: str
) -> None:
    outcome = await radio.send(message)
    assert isinstance(outcome, Failed) and outcome.code == code
    assert rig.sent_numbers() == []


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ERR_NOSIM", "no_sim"),
        ("ERR_SECURITYERROR", "no_sim"),
        ("ERR_NOSERVICE", "no_service"),
        ("ERR_UNKNOWN", "generic_failure"),
        ("ERR_TIMEOUT", "unknown"),
        ("ERR_DEVICEWRITEERROR", "unknown"),  # the modem may have got all of it
        ("ERR_DEVICEREADERROR", "unknown"),
    ],
)
def test_error_of_sending_gets_our_code(rig: Rig, name: str, code: str) -> None:
    library = importlib.import_module("gammu")
    phone = importlib.import_module("agent.radios.gammu_phone")
    error = getattr(library, name)({"Text": "In gammu's words.", "Where": "SendSMS", "Code": 1})
    assert phone.failure_of(error) == Failed(code, f"gammu: In gammu's words ({name})")  # type: ignore[arg-type]  # a parameter is a plain str


async def test_modem_that_is_not_there_fails_and_is_used_when_it_comes(rig: Rig) -> None:
    (rig.home / "dummy").rename(rig.home / "unplugged")
    radio = make_radio(rig)
    await radio.open()
    outcome = await radio.send(HI)
    assert isinstance(outcome, Failed) and outcome.code == "radio_off"
    (rig.home / "unplugged").rename(rig.home / "dummy")
    assert await radio.send(replace(HI, attempt_id="m2")) == Sent(1)
    await radio.aclose()


async def test_modem_that_hangs_fails_honestly_and_is_connected_anew(rig: Rig) -> None:
    radio = make_radio(rig, send_seconds=0.2, answer_seconds=1.0)
    await radio.open()
    pipe = inbox_of(rig.home) / "1"
    os.mkfifo(pipe)  # reading it blocks, as a modem that says nothing

    looking = asyncio.create_task(told(radio, lambda events: False))
    writers: list[int] = []
    await until(lambda: has_reader(pipe, writers))
    busy = Failed("no_service", "the modem was still busy after 0.2 s")
    assert await radio.send(HI) == busy
    assert rig.sent_numbers() == []
    pipe.unlink()
    outcome: Outcome = busy
    for number in range(20):  # until the look is given up, after the second it is given
        if outcome == busy:
            outcome = await radio.send(replace(HI, attempt_id=f"again {number}"))
    assert outcome == Sent(1)
    assert rig.sent_numbers() == ["+6591234567"]
    os.close(writers[0])
    looking.cancel()
    with suppress(asyncio.CancelledError):
        await looking
    await radio.aclose()


def has_reader(pipe: Path, writers: list[int]) -> bool:
    """Does somebody wait at this pipe? Then open it, so that he waits on for what never comes."""
    try:
        writers.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def test_configuration_that_is_not_there_gives_a_sentence(rig: Rig) -> None:
    (rig.home / "gammurc").unlink()
    with pytest.raises(AgentError, match="Cannot read section 0 of gammu's configuration"):
        make_radio(rig)


async def test_inbound_text_is_told_and_then_deleted(rig: Rig, radio: Radio) -> None:
    drop_text(rig.home, "+6581110000", "grüße 😀", MOMENT)
    (event,) = await told(radio, lambda events: inbox_names(rig.home) == [])
    assert isinstance(event, IncomingText)
    assert replace(event, provider_key="") == IncomingText(
        sender="+6581110000", text="grüße 😀", sim=1, received_at=MOMENT, provider_key=""
    )


async def test_inbound_text_that_was_not_stored_stays_and_keeps_its_key(
    rig: Rig, radio: Radio
) -> None:
    drop_text(rig.home, "+6581110000", "Hi", MOMENT)
    keys: list[str] = []

    async def refuse(event: RadioEvent) -> None:
        assert isinstance(event, IncomingText)
        keys.append(event.provider_key)
        raise OSError("the disk is full")

    for _ in range(2):
        with pytest.raises(OSError, match="the disk is full"):
            await radio.run(refuse)
    assert len(inbox_names(rig.home)) == 1
    assert len(set(keys)) == 1 and len(keys) == 2


async def test_long_inbound_text_is_told_once_it_is_complete(rig: Rig, radio: Radio) -> None:
    text = "in and out " * 30
    drop_text(rig.home, "+6581110000", text, MOMENT)
    second = inbox_of(rig.home) / "2"
    second.rename(rig.home / "on its way")
    drop_text(rig.home, "+6581110001", "short", MOMENT)
    is_only_the_long_one_left = lambda events: len(inbox_names(rig.home)) == 2  # noqa: E731 - a condition
    first = await told(radio, is_only_the_long_one_left)
    assert [event.text for event in first if isinstance(event, IncomingText)] == ["short"]
    (rig.home / "on its way").rename(second)
    rest = await told(radio, lambda events: inbox_names(rig.home) == [])
    assert [event.text for event in rest if isinstance(event, IncomingText)] == [text]


async def test_part_that_never_comes_is_a_gap_after_some_time(
    rig: Rig, radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.radios.gammu.PARTS_PATIENCE_SECONDS", 0)
    drop_text(rig.home, "+6581110000", "a" * 200, MOMENT)
    (inbox_of(rig.home) / "1").unlink()
    (event,) = await told(radio, lambda events: inbox_names(rig.home) == [])
    assert isinstance(event, IncomingText)
    assert event.text == "[…]" + "a" * 47


async def test_each_part_gets_its_report(rig: Rig, radio: Radio) -> None:
    assert await radio.send(replace(HI, text="a" * 161)) == Sent(2)
    drop_report(rig.home, "91234567", 0x00)
    drop_report(rig.home, "91234567", 0x00)
    events = await told(radio, lambda events: inbox_names(rig.home) == [])
    assert events == [DeliveryReport("m1", 1, 2), DeliveryReport("m1", 2, 2)]


async def test_report_that_the_network_gave_up_is_a_failure(rig: Rig, radio: Radio) -> None:
    await radio.send(HI)
    drop_report(rig.home, "+6591234567", 0x46)
    events = await told(radio, lambda events: inbox_names(rig.home) == [])
    reason = "the network's status is 0x46"
    assert events == [DeliveryReport("m1", delivered=False, reason=reason)]


async def test_report_that_the_network_is_still_trying_is_not_told(rig: Rig, radio: Radio) -> None:
    await radio.send(HI)
    drop_report(rig.home, "+6591234567", 0x21)
    assert await told(radio, lambda events: inbox_names(rig.home) == []) == []
    drop_report(rig.home, "+6591234567", 0x00)
    assert await told(radio, len) == [DeliveryReport("m1")]


async def test_report_on_nothing_that_was_sent_is_dropped(rig: Rig, radio: Radio) -> None:
    drop_report(rig.home, "+6591234567", 0x00)
    assert await told(radio, lambda events: inbox_names(rig.home) == []) == []
