"""The same radio with the real ModemManager, where that is installed; `recordings/` stands for it
elsewhere."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent.radios.base import (
    DeliveryReport,
    Failed,
    IncomingText,
    Outcome,
    OutgoingText,
    Sent,
    Sim,
    Status,
)
from agent.radios.mmcli import ModemError
from agent.radios.modemmanager import ModemManagerOptions, ModemManagerRadio
from agent.tests.at_modem import HELLO, AtModem, received
from agent.tests.events import told
from agent.tests.live_modemmanager import modem_in_modemmanager, need_modemmanager

HI = OutgoingText("m1", "+6591234567", "Hi there", 1)
OPTIONS = ModemManagerOptions(poll_seconds=0.1, send_seconds=2, sent_box_seconds=0.2)


@pytest.fixture
async def modem() -> AsyncIterator[AtModem]:
    need_modemmanager()
    async with modem_in_modemmanager(f"tested-{os.getpid()}") as modem:
        yield modem


@pytest.fixture
async def radio(modem: AtModem, tmp_path: Path) -> AsyncIterator[ModemManagerRadio]:
    """With the modem in its network, which the radio has switched on."""
    radio = ModemManagerRadio(tmp_path, OPTIONS)
    await radio.open()
    await told(radio, lambda events: radio.status() == Status(signal=3))
    yield radio
    await radio.aclose()


async def test_texts_and_reports_go_both_ways(modem: AtModem, radio: ModemManagerRadio) -> None:
    assert radio.sims() == [Sim(1, "+6581239901", "Example Mobile")]
    assert radio.model == "Example X1"
    assert await radio.send(HI) == Sent(1)
    assert modem.sent == ["0021000A915619325476000008C834888E2ECBCB"]
    modem.report(received(1))
    modem.bring(HELLO)
    report, text = await told(radio, lambda events: len(events) == 2 and not modem.stored)
    assert report == DeliveryReport("m1")
    assert isinstance(text, IncomingText)
    assert (text.sender, text.text, text.to) == ("+6581110000", "Hello", "+6581239901")


async def test_each_part_of_a_long_text_gets_its_report(
    modem: AtModem, radio: ModemManagerRadio
) -> None:
    modem.sent += [""] * 254  # the SIM card counts up to 255 and begins again
    assert await radio.send(replace(HI, text="x" * 400)) == Sent(3)
    assert len(modem.sent) == 254 + 3
    for reference in (255, 0, 1):
        modem.report(received(reference))
    events = await told(radio, lambda events: len(events) == 3)
    assert events == [DeliveryReport("m1", part, 3) for part in (1, 2, 3)]


async def test_refused_text_may_be_tried_again_and_leaves_nothing_behind(
    modem: AtModem, radio: ModemManagerRadio
) -> None:
    modem.refusal = "+CMS ERROR: 331"
    outcome = await radio.send(HI)
    assert isinstance(outcome, Failed) and outcome.code == "no_service"
    modem.refusal = ""
    assert await radio.send(replace(HI, attempt_id="m2")) == Sent(1)
    assert len(modem.sent) == 1


async def test_modem_that_hangs_in_the_send_is_unknown_and_has_sent_once(
    modem: AtModem, radio: ModemManagerRadio
) -> None:
    modem.hangs = True
    with pytest.raises(ModemError, match="Timeout was reached"):
        await radio.send(HI)
    assert await radio.was_sent("m1") is None
    assert len(modem.sent) == 1


async def test_modem_that_loses_its_network_sends_nothing(
    modem: AtModem, radio: ModemManagerRadio
) -> None:
    modem.lose_network()
    outcome: Outcome = Sent(1)
    async with asyncio.timeout(20):
        for number in itertools.count():
            outcome = await radio.send(replace(HI, attempt_id=f"try{number}"))
            if outcome != Sent(1):
                break
    assert outcome == Failed("no_service", "the modem is not in a network (searching)")
