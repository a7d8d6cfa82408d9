"""Modems behind ModemManager: what the agent makes of mmcli's answers, and when it deletes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from agent.radios.base import (
    DeliveryReport,
    Failed,
    IncomingText,
    OutgoingText,
    RadioEvent,
    Sent,
    Sim,
    Status,
)
from agent.radios.mmcli import ModemError
from agent.radios.modemmanager import ModemManagerOptions, ModemManagerRadio
from agent.tests.events import told
from agent.tests.rigs import Rig, add_sms, make_rig, plug_modem

QUICK = ModemManagerOptions(poll_seconds=0.02, send_seconds=20, sent_box_seconds=0.2)
HI = OutgoingText("m1", "+6591234567", "Hi", 1)
PAIRS = "ModemManager: error: couldn't send the SMS: "


@pytest.fixture
def rig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = make_rig("modemmanager", tmp_path)
    (rig.home / "reports").unlink()
    for name, value in rig.environment.items():
        monkeypatch.setenv(name, value)
    return rig


@pytest.fixture
async def radio(rig: Rig) -> AsyncIterator[ModemManagerRadio]:
    radio = ModemManagerRadio(rig.data_dir, QUICK)
    await radio.open()
    yield radio
    await radio.aclose()


def sms_indexes(rig: Rig) -> list[str]:
    return sorted(path.stem for path in (rig.home / "sms").glob("*.json"))


async def test_modem_tells_number_carrier_and_signal(radio: ModemManagerRadio) -> None:
    assert radio.sims() == [Sim(1, "+6581239901", "Example Mobile")]
    assert radio.status() == Status(signal=3)
    assert radio.model == "Example X1"


@pytest.mark.parametrize("version", ["1.24.0", "1.20.4"])
@pytest.mark.parametrize("text", ["Hi", "two\nlines, a = b", "it's", 'a "word"', "--", "grüße 😀"])
async def test_text_leaves_as_it_is(
    rig: Rig, radio: ModemManagerRadio, text: str, version: str
) -> None:
    rig.switch("version", version)
    assert await radio.send(replace(HI, text=text)) == Sent(1)
    assert rig.sent() == [{"to": "+6591234567", "text": text, "modem": "0"}]


async def test_both_quotes_need_a_newer_modemmanager(rig: Rig, radio: ModemManagerRadio) -> None:
    both = replace(HI, text='it\'s a "word"')
    rig.switch("version", "1.20.4")
    outcome = await radio.send(both)
    assert isinstance(outcome, Failed) and outcome.code == "rejected"
    rig.switch("version", "1.22.0")
    assert await radio.send(replace(both, attempt_id="m2")) == Sent(1)


async def test_number_cannot_smuggle_options(rig: Rig, radio: ModemManagerRadio) -> None:
    outcome = await radio.send(replace(HI, to="+65',text='x"))
    assert isinstance(outcome, Failed) and outcome.code == "invalid_number"
    assert rig.sent() == []


@pytest.mark.parametrize(
    ("generic", "code"),
    [
        ({"state": "locked", "unlock-required": "sim-pin"}, "no_sim"),
        ({"state": "failed", "state-failed-reason": "sim-missing"}, "no_sim"),
        ({"state": "failed", "state-failed-reason": "unknown"}, "radio_off"),
        ({"state": "searching"}, "no_service"),
        ({"state": "enabled"}, "no_service"),
        ({"state": "initializing"}, "radio_off"),
    ],
)
async def test_modem_that_cannot_send_says_why(
    rig: Rig, radio: ModemManagerRadio, generic: dict[str, str], code: str
) -> None:
    plug_modem(rig.home, 0, **generic)
    outcome = await radio.send(HI)
    assert isinstance(outcome, Failed) and outcome.code == code
    assert rig.sent() == []


async def test_modem_that_is_off_is_switched_on(rig: Rig) -> None:
    plug_modem(rig.home, 0, state="disabled")
    radio = ModemManagerRadio(rig.data_dir, QUICK)
    await radio.open()
    assert await radio.send(HI) == Sent(1)
    await radio.aclose()


MM = "GDBus.Error:org.freedesktop.ModemManager1.Error."


@pytest.mark.parametrize(
    ("complaint", "code"),
    [
        (f"'{MM}MobileEquipment.NoNetwork: No network service'", "no_service"),
        (f"'{MM}Message.SimNotInserted: SIM not inserted'", "no_sim"),
        (f"'{MM}Message.InvalidTextParameter: Invalid text'", "rejected"),
        (f"'{MM}Core.WrongState: modem is disabled'", "radio_off"),
        (f"'{MM}Message.MeFailure: ME failure'", "generic_failure"),
        (f"'{MM}Core.Unauthorized: not authorized'", "rejected"),
    ],
)
async def test_failure_of_sending_gets_our_code(
    rig: Rig, radio: ModemManagerRadio, complaint: str, code: str
) -> None:
    rig.switch("send-error", f"couldn't send the SMS: {complaint}")
    assert await radio.send(HI) == Failed(code, f"{PAIRS}{complaint}")  # type: ignore[arg-type]
    assert sms_indexes(rig) == []


async def test_failure_of_a_long_text_does_not_prove_that_no_part_left(
    rig: Rig, radio: ModemManagerRadio
) -> None:
    rig.switch("send-error", f"couldn't send the SMS: '{MM}MobileEquipment.NoNetwork: No network'")
    outcome = await radio.send(replace(HI, text="a" * 200))
    assert isinstance(outcome, Failed) and outcome.code == "generic_failure"


async def test_timeout_of_modemmanager_leaves_it_open(rig: Rig, radio: ModemManagerRadio) -> None:
    rig.switch("send-error", "couldn't send the SMS: 'Timeout was reached'")
    with pytest.raises(Exception, match="Timeout was reached"):
        await radio.send(HI)
    assert await radio.was_sent("m1") is None


async def test_answer_that_never_comes_is_looked_up(rig: Rig) -> None:
    rig.switch("send-hangs")
    radio = ModemManagerRadio(rig.data_dir, replace(QUICK, send_seconds=0.5))
    await radio.open()
    with pytest.raises(TimeoutError):
        await radio.send(HI)
    assert await radio.was_sent("m1") == 1
    await radio.aclose()


async def test_sent_box_that_lost_or_reused_the_path_proves_nothing(
    rig: Rig, radio: ModemManagerRadio
) -> None:
    await radio.send(HI)
    assert await radio.was_sent("m1") == 1
    (path,) = (rig.home / "sms").glob("*.json")
    stored = path.read_text()
    path.write_text(stored.replace('"Hi"', '"Another text"'))
    assert await radio.was_sent("m1") is None
    path.unlink()
    assert await radio.was_sent("m1") is None
    assert await radio.was_sent("never heard of") is None


async def test_modem_that_is_gone_fails_and_comes_back_into_its_slot(
    rig: Rig, radio: ModemManagerRadio
) -> None:
    plug_modem(rig.home, 1)
    (rig.home / "modems/0.json").unlink()
    assert await radio.send(replace(HI, sim=2)) == Sent(1)
    outcome = await radio.send(HI)
    assert isinstance(outcome, Failed) and outcome.code == "radio_off"
    plug_modem(rig.home, 7, **{"equipment-identifier": "350000000000001"})
    assert await radio.send(replace(HI, attempt_id="m2")) == Sent(1)
    assert [line["modem"] for line in rig.sent()] == ["1", "7"]


async def test_inbound_text_is_told_and_then_deleted(rig: Rig, radio: ModemManagerRadio) -> None:
    text = 'He said "hi"\nand \x1f odd'
    moment = "2026-11-21T18:00:00+08"
    add_sms(rig.home, 4, number="+6581110000", text=text, timestamp=moment)
    (event,) = await told(radio, lambda events: sms_indexes(rig) == [])
    assert isinstance(event, IncomingText)
    assert replace(event, provider_key="") == IncomingText(
        sender="+6581110000",
        text=text,
        sim=1,
        received_at=datetime(2026, 11, 21, 10, 0, tzinfo=UTC),
        provider_key="",
        to="+6581239901",
    )


async def test_inbound_text_that_was_not_stored_stays_and_keeps_its_key(
    rig: Rig, radio: ModemManagerRadio
) -> None:
    add_sms(rig.home, 4, number="+6581110000", text="Hi", timestamp="2026-11-21T18:00:00+08:00")
    keys: list[str] = []

    async def refuse(event: RadioEvent) -> None:
        assert isinstance(event, IncomingText)
        keys.append(event.provider_key)
        raise OSError("the disk is full")

    for path in ("4", "9"):  # after a restart of ModemManager it has another path
        with pytest.raises(OSError):
            await radio.run(refuse)
        assert sms_indexes(rig) == [path]
        (rig.home / f"sms/{path}.json").rename(rig.home / "sms/9.json")
        moved = rig.home / "sms/9.json"
        moved.write_text(moved.read_text().replace("SMS/4", "SMS/9"))
    assert len(set(keys)) == 1


async def test_long_inbound_text_waits_for_its_parts(rig: Rig, radio: ModemManagerRadio) -> None:
    add_sms(rig.home, 1, number="+6581110000", text="first part", state="receiving")
    add_sms(rig.home, 2, number="+6581110000", text="whole")
    events = await told(radio, lambda events: sms_indexes(rig) == ["1"])
    assert [event.text for event in events if isinstance(event, IncomingText)] == ["whole"]


async def test_binary_message_is_dropped_and_text_of_two_dashes_is_told(
    rig: Rig, radio: ModemManagerRadio
) -> None:
    add_sms(rig.home, 1, number="+6581110000", data="0605040B8423F0")
    add_sms(rig.home, 2, number="+6581110000", text="--")
    events = await told(radio, lambda events: sms_indexes(rig) == [])
    assert [event.text for event in events if isinstance(event, IncomingText)] == ["--"]


async def test_equal_texts_without_a_time_are_two(rig: Rig, radio: ModemManagerRadio) -> None:
    for index in (1, 2):
        add_sms(rig.home, index, number="+6581110000", text="Hi")
    events = await told(radio, lambda events: sms_indexes(rig) == [])
    assert len({event.provider_key for event in events if isinstance(event, IncomingText)}) == 2


async def test_two_modems_are_two_slots(rig: Rig, radio: ModemManagerRadio) -> None:
    plug_modem(rig.home, 1)
    add_sms(rig.home, 1, modem=0, number="+6581110000", text="to one")
    add_sms(rig.home, 2, modem=1, number="+6581110000", text="to two")
    events = await told(radio, lambda events: len(events) == 2)
    assert [(e.sim, e.text) for e in events if isinstance(e, IncomingText)] == [
        (1, "to one"),
        (2, "to two"),
    ]


def add_report(rig: Rig, index: int, reference: int, state: str) -> None:
    shown = str(reference) if reference else "--"
    fields = {"pdu_type": "status-report", "message_reference": shown, "delivery_state": state}
    add_sms(rig.home, index, number="91234567", **fields)


@pytest.mark.parametrize(
    ("state", "delivered", "reason"),
    [
        ("completed-received", True, None),
        (
            "error-validity-period-expired",
            False,
            "the network says error-validity-period-expired",
        ),
    ],
)
async def test_delivery_report_is_told_and_deleted(
    rig: Rig, radio: ModemManagerRadio, state: str, delivered: bool, reason: str | None
) -> None:
    await radio.send(HI)
    add_report(rig, 50, 1, state)
    expected = DeliveryReport("m1", delivered=delivered, reason=reason)
    assert await told(radio, lambda events: sms_indexes(rig) == ["0"]) == [expected]


async def test_report_that_the_network_is_still_trying_is_not_told(
    rig: Rig, radio: ModemManagerRadio
) -> None:
    await radio.send(HI)
    add_report(rig, 50, 1, "temporary-error-sme-busy")
    add_report(rig, 51, 200, "completed-received")  # of nothing that was sent here
    assert await told(radio, lambda events: sms_indexes(rig) == ["0"]) == []
    add_report(rig, 52, 1, "completed-received")
    assert await told(radio, len) == [DeliveryReport("m1")]


async def test_each_part_of_a_long_text_has_a_report_of_its_own(
    rig: Rig, radio: ModemManagerRadio
) -> None:
    rig.switch("reference", "255")  # so the parts get 0 and 1
    rig.switch("reports")
    assert await radio.send(replace(HI, text="a" * 161)) == Sent(2)
    events = await told(radio, lambda events: len(events) == 2)
    assert events == [DeliveryReport("m1", 1, 2), DeliveryReport("m1", 2, 2)]


async def test_report_that_comes_before_the_references_are_known_waits(
    rig: Rig, radio: ModemManagerRadio, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig.switch("reports")
    send = radio._mmcli.send

    async def on_event(event: RadioEvent) -> None:
        raise AssertionError(f"told too early: {event}")

    async def send_and_look(path: str, seconds: float) -> None:
        await send(path, seconds)
        await radio._take_all(1, radio._modems[1], on_event)

    monkeypatch.setattr(radio._mmcli, "send", send_and_look)
    assert await radio.send(HI) == Sent(1)
    assert await told(radio, len) == [DeliveryReport("m1")]


async def test_text_that_cannot_be_deleted_does_not_hold_up_the_next(
    rig: Rig, radio: ModemManagerRadio, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index, text in enumerate(("one", "two")):
        add_sms(rig.home, index, number="+6581110000", text=text)
    delete = radio._mmcli.delete

    async def refuse_the_first(modem_path: str, path: str) -> None:
        if path.endswith("/0"):
            raise ModemError("it is stuck")
        await delete(modem_path, path)

    monkeypatch.setattr(radio._mmcli, "delete", refuse_the_first)
    events = await told(radio, lambda events: sms_indexes(rig) == ["0"])
    assert {event.text for event in events if isinstance(event, IncomingText)} == {"one", "two"}
