"""From the journal to the radio: order, pace, expiry, recovery, speed."""

from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from agent.radios.base import OutgoingText
from agent.radios.simulated import SimulatedOptions, SimulatedRadio
from agent.tests.gateway import (
    QUICK_PHONE,
    FakeGateway,
    offer,
    running_agent,
    sent_ids,
    sent_lines,
    until,
)


def settings(*paces: tuple[int, float, float]) -> dict[str, Any]:
    """Settings with (slot, min_gap_ms, jitter_ms) for some SIMs."""
    sims = [{"slot": slot, "min_gap_ms": gap, "jitter_ms": jitter} for slot, gap, jitter in paces]
    return {"heartbeat_seconds": 60, "sims": sims}


def gaps_seconds(data_dir: Path, sim: int) -> list[float]:
    """Times between the texts of one SIM in the radio log."""
    moments = [datetime.fromisoformat(line.at) for line in sent_lines(data_dir) if line.sim == sim]
    return [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]


async def test_texts_leave_in_the_order_of_their_offers(tmp_path: Path) -> None:
    ids = [f"m{number}" for number in range(60)]
    async with FakeGateway() as gateway:
        gateway.offers_at_hello = [offer(attempt_id) for attempt_id in ids]
        async with running_agent(gateway, tmp_path, replace(QUICK_PHONE, delay_ms=5)):
            await gateway.until_received("message.delivered", 60)
    assert sent_ids(tmp_path) == ids


async def test_gap_and_jitter_are_kept_for_each_sim_alone(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        gateway.settings = settings((1, 100, 50))
        slow = [offer(f"slow{number}", sim=1) for number in range(5)]
        fast = [offer(f"fast{number}", sim=2) for number in range(5)]
        gateway.offers_at_hello = slow + fast
        async with running_agent(gateway, tmp_path, replace(QUICK_PHONE, sims=2)):
            await gateway.until_received("message.delivered", 10)
    rounding = 0.002  # the log has milliseconds
    assert all(0.1 - rounding <= gap for gap in gaps_seconds(tmp_path, sim=1))
    assert sum(gaps_seconds(tmp_path, sim=2)) < sum(gaps_seconds(tmp_path, sim=1))


async def test_a_queue_of_texts_leaves_the_line_free(tmp_path: Path) -> None:
    """The radio needs two seconds for them, in which forty heartbeats are due."""
    async with FakeGateway() as gateway:
        gateway.offers_at_hello = [offer(f"m{number}") for number in range(200)]
        gateway.settings = {"heartbeat_seconds": 0.05, "sims": []}
        async with running_agent(gateway, tmp_path, replace(QUICK_PHONE, delay_ms=10)):
            await gateway.until_received("message.delivered", 200)
            beats = len(gateway.of_type("heartbeat"))
    assert beats >= 5
    assert len(set(sent_ids(tmp_path))) == 200


async def test_text_expires_in_the_queue(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        gateway.settings = settings((1, 60_000, 0))
        gateway.offers_at_hello = [offer("m1"), offer("m2", expires_in_ms=50)]
        async with running_agent(gateway, tmp_path):
            (failed,) = await gateway.until_received("message.failed")
            await gateway.until_received("message.sent")
    assert (failed["attempt_id"], failed["code"]) == ("m2", "expired")
    assert sent_ids(tmp_path) == ["m1"]


async def test_slot_without_sim_fails_with_no_sim(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        gateway.offers_at_hello = [offer("m1", sim=3)]
        async with running_agent(gateway, tmp_path):
            (failed,) = await gateway.until_received("message.failed")
    assert failed["code"] == "no_sim"
    assert sent_ids(tmp_path) == []


async def test_shutdown_lets_the_radio_finish(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        gateway.offers_at_hello = [offer(f"m{number}") for number in range(30)]
        async with running_agent(gateway, tmp_path, SimulatedOptions(delay_ms=150)):
            await gateway.until_received("message.sent")
        in_the_middle = len(sent_ids(tmp_path))
        assert 0 < in_the_middle < 30
        async with running_agent(gateway, tmp_path):
            await until(lambda: len(sent_ids(tmp_path)) == 30)
            await gateway.until(
                lambda: len({f["id"] for f in gateway.of_type("message.sent")}) == 30
            )
    assert gateway.of_type("message.failed") == []
    assert len(set(sent_ids(tmp_path))) == 30


class BrokenRadio(SimulatedRadio):
    """Writes the line and then raises, so that only the sent box knows."""

    async def send(self, message: OutgoingText) -> Any:
        await super().send(message)
        raise OSError("the cable came off")


async def test_radio_that_breaks_off_is_looked_up_in_its_sent_box(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        gateway.offers_at_hello = [offer("m1"), offer("m2", "+6591230010")]
        radio = BrokenRadio(tmp_path, QUICK_PHONE)
        async with running_agent(gateway, tmp_path, radio=radio):
            await gateway.until(lambda: len(gateway.facts("m1")) == 3)
            await gateway.until(lambda: len(gateway.facts("m2")) == 2)
    assert sorted(gateway.facts("m1")) == [
        "message.accepted",
        "message.delivered",
        "message.sent",
    ]
    assert gateway.facts("m2") == ["message.accepted", "message.failed"]
    assert gateway.of_type("message.failed")[0]["code"] == "unknown"
    assert sent_ids(tmp_path) == ["m1"]
