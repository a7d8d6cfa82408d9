"""The same radio through libgammu's AT driver, as for a real modem: it takes libgammu some seconds
to get to know one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.radios import radio_class
from agent.radios.base import (
    DeliveryReport,
    Failed,
    IncomingText,
    OutgoingText,
    Radio,
    Sent,
    Sim,
)
from agent.tests.at_modem import HELLO, AtModem, received
from agent.tests.events import told
from agent.tests.rigs import need_gammu

HI = OutgoingText("m1", "+6591234567", "Hi there", 1)


@pytest.fixture
def modem() -> Iterator[AtModem]:
    need_gammu()
    with AtModem() as modem:
        yield modem


def make_radio(modem: AtModem, data_dir: Path, **fields: object) -> Radio:
    config = data_dir / "gammurc"
    config.write_text(f"[gammu]\ndevice = {modem.path}\nconnection = at\n")
    kind = radio_class("gammu")
    options = kind.options(gammu_config=str(config), poll_seconds=0.1)
    return kind(data_dir, replace(options, **fields))


async def test_modem_sends_and_what_it_received_is_told_and_deleted(
    modem: AtModem, tmp_path: Path
) -> None:
    radio = make_radio(modem, tmp_path)
    await radio.open()
    assert radio.sims()[0] == Sim(1, "+6581239901", radio.sims()[0].carrier)
    assert (radio.model, radio.status().signal) == ("Example X1", 2)
    assert await radio.send(HI) == Sent(1)
    assert len(modem.sent) == 1
    modem.stored |= {1: HELLO, 2: received(1)}
    events = await told(radio, lambda events: modem.stored == {})
    text, report = sorted(events, key=lambda event: isinstance(event, DeliveryReport))
    assert isinstance(text, IncomingText)
    assert (text.sender, text.text, text.to) == ("+6581110000", "Hello", "+6581239901")
    assert text.received_at == datetime(2026, 11, 21, 2, 0, tzinfo=UTC)
    assert report == DeliveryReport("m1")
    await radio.aclose()


async def test_modem_that_hangs_in_the_send_is_unknown_and_has_sent_once(
    modem: AtModem, tmp_path: Path
) -> None:
    radio = make_radio(modem, tmp_path, send_seconds=2.0)
    await radio.open()
    modem.hangs = True
    assert await radio.send(HI) == Failed("unknown", "the modem gave no answer within 2 s")
    assert await radio.was_sent("m1") is None
    assert len(modem.sent) == 1
    await radio.aclose()
