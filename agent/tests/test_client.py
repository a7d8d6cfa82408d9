"""The conversation with the gateway, over a real socket and over real HTTP."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Self
from uuid import UUID

import pytest

from agent.errors import TokenRefused
from agent.frames import encode
from agent.identity import Identity
from agent.line import Closed
from agent.radios.base import Sim
from agent.radios.simulated import SimulatedOptions, SimulatedRadio
from agent.runner import run_agent
from agent.tests.gateway import (
    FAST,
    QUICK_PHONE,
    TOKEN,
    FakeGateway,
    identity_for,
    offer,
    running_agent,
    sent_ids,
    until,
)
from agent.tests.http_gateway import FakeHttpGateway
from agent.transports import TRANSPORTS, AutoTransport

Kind = type[FakeGateway]


@pytest.fixture(params=[FakeGateway, FakeHttpGateway], ids=["socket", "http"])
def gateway_kind(request: pytest.FixtureRequest) -> Kind:
    """The scripted gateway's class; the phone uses the transport that it names."""
    kind: Kind = request.param
    return kind


async def test_hello_carries_token_sims_and_capabilities(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    phone = SimulatedOptions(sims=2)
    async with gateway_kind() as gateway, running_agent(gateway, tmp_path, phone):
        (hello,) = await gateway.until_received("hello")
    assert set(gateway.authorizations) == {f"Bearer {TOKEN}"}
    assert gateway.received[0] == hello
    assert hello.pop("id")
    assert hello == {
        "type": "hello",
        "protocol": 1,
        "app": {"name": "agent", "version": "1.0.0"},
        "model": "Simulated phone",
        "sims": [
            {"slot": 1, "number": "+6581239901", "carrier": "Simulated"},
            {"slot": 2, "number": "+6581239902", "carrier": "Simulated"},
        ],
        "capabilities": ["delivery_reports"],
        "holding": [],
    }


async def test_hello_comes_again_when_the_sims_change(
    tmp_path: Path, gateway_kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    sims = [Sim(1, "+6581239901")]
    monkeypatch.setattr(SimulatedRadio, "sims", lambda radio: list(sims))
    async with gateway_kind() as gateway:
        gateway.settings = {"heartbeat_seconds": 0.05, "sims": []}
        async with running_agent(gateway, tmp_path):
            await gateway.until_received("heartbeat", 2)
            sims.append(Sim(2, "+6581239902", "Simulated"))
            await gateway.until_received("hello", 2)
            await gateway.until_received("heartbeat", len(gateway.of_type("heartbeat")) + 2)
    assert [hello["sims"] for hello in gateway.of_type("hello")] == [
        [{"slot": 1, "number": "+6581239901"}],
        [
            {"slot": 1, "number": "+6581239901"},
            {"slot": 2, "number": "+6581239902", "carrier": "Simulated"},
        ],
    ]


async def test_heartbeats_come_at_the_welcomed_interval(tmp_path: Path, gateway_kind: Kind) -> None:
    async with gateway_kind() as gateway:
        gateway.settings = {"heartbeat_seconds": 0.1, "sims": []}
        began_at = time.monotonic()
        async with running_agent(gateway, tmp_path):
            beats = await gateway.until_received("heartbeat", 4)
    assert time.monotonic() - began_at >= 0.3
    assert {key: beats[0][key] for key in beats[0].keys() - {"id", "type"}} == {
        "battery": 100,
        "charging": True,
        "network": "wifi",
        "signal": 4,
        "queue": 0,
    }


async def test_heartbeat_interval_changes_with_settings(tmp_path: Path, gateway_kind: Kind) -> None:
    async with gateway_kind() as gateway, running_agent(gateway, tmp_path):
        await gateway.until_received("heartbeat")
        await gateway.send({"type": "settings", "settings": {"heartbeat_seconds": 0.05}})
        await gateway.until_received("heartbeat", 4)


async def test_offer_is_accepted_sent_and_delivered_once(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    phone = replace(QUICK_PHONE, report_delay_ms=20)
    async with gateway_kind() as gateway, running_agent(gateway, tmp_path, phone):
        await gateway.until_received("hello")
        await gateway.offer("m1.1", "+6591234567", text="Good morning")
        await gateway.until_received("message.delivered")
    about = gateway.of_type("message.accepted", "message.sent", "message.delivered")
    assert [frame["type"] for frame in about] == [
        "message.accepted",
        "message.sent",
        "message.delivered",
    ]
    assert {UUID(frame["id"]).version for frame in about} == {7}
    assert [sorted(frame) for frame in about] == [["attempt_id", "id", "occurred_at", "type"]] * 3
    assert sent_ids(tmp_path) == ["m1.1"]


async def test_facts_without_ack_are_repeated_with_the_same_content(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    async with gateway_kind() as gateway:
        gateway.wants_to_ack = lambda frame: gateway.received.count(frame) >= 2
        async with running_agent(gateway, tmp_path):
            await gateway.until_received("hello")
            await gateway.offer("m1.1")
            await gateway.until_received("message.sent", 3)
            await gateway.until_received("message.accepted", 3)
            await gateway.until_received("message.delivered", 3)
    facts = [f for f in gateway.received if f.get("attempt_id")]
    assert [facts.count(fact) for fact in facts] == [3] * 9
    assert sent_ids(tmp_path) == ["m1.1"]


async def test_facts_without_ack_are_repeated_after_a_reconnect(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    timing = replace(FAST, repeat_after=1000)
    async with gateway_kind() as gateway:
        gateway.wants_to_ack = lambda frame: len(gateway.of_type("hello")) == 2
        async with running_agent(gateway, tmp_path, timing=timing):
            await gateway.until_received("hello")
            await gateway.offer("m1.1")
            await gateway.until_received("message.delivered")
            await gateway.close_socket()
            await gateway.until_received("message.delivered", 2)
    facts = [f for f in gateway.received if f.get("attempt_id")]
    assert facts[:3] == facts[3:]


async def test_unacked_facts_in_flight_stay_within_the_window(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    phone = replace(QUICK_PHONE, delivery_reports=False)
    async with gateway_kind() as gateway:
        gateway.wants_to_ack = lambda frame: False
        async with running_agent(gateway, tmp_path, phone, timing=replace(FAST, repeat_after=1000)):
            await gateway.until_received("hello")
            for number in range(40):
                await gateway.offer(f"m{number}.1")
            await until(lambda: len(sent_ids(tmp_path)) == 40)
            await gateway.send({"type": "settings", "settings": {"heartbeat_seconds": 0.05}})
            await gateway.until_received("heartbeat", 4)
            facts = [f for f in gateway.received if f.get("attempt_id")]
            assert len(facts) == 50
            gateway.wants_to_ack = lambda frame: True
            for fact in facts:
                await gateway.send({"type": "ack", "id": fact["id"]})
            await gateway.until_received("message.sent", 40)


async def test_refused_fact_is_not_repeated(tmp_path: Path, gateway_kind: Kind) -> None:
    async with gateway_kind() as gateway:
        gateway.wants_to_ack = lambda frame: frame["type"] != "message.accepted"
        async with running_agent(gateway, tmp_path, timing=replace(FAST, repeat_after=1000)):
            await gateway.until_received("hello")
            await gateway.offer("m1.1")
            (accepted,) = await gateway.until_received("message.accepted")
            refusal = {"type": "error", "code": "unknown_attempt", "message": "Unknown."}
            await gateway.send(refusal | {"id": accepted["id"]})
            await gateway.until_received("message.delivered")
            await gateway.close_socket()
            await gateway.until_received("heartbeat", 2)
            await gateway.offer("m1.1")
            await gateway.until_received("message.delivered", 2)
    assert gateway.received.count(accepted) == 1


async def test_repeated_offers_send_once_and_repeat_the_facts(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    async with gateway_kind() as gateway, running_agent(gateway, tmp_path):
        await gateway.until_received("hello")
        for _ in range(5):
            await gateway.offer("m1.1")
        await gateway.until_received("message.delivered")
        first = {frame["type"]: frame for frame in gateway.received if frame.get("attempt_id")}
        gateway.received.clear()
        await gateway.offer_until(
            "m1.1", lambda: len({frame["type"] for frame in gateway.received}) == 3
        )
    assert {frame["type"]: frame for frame in gateway.received} == first
    assert sent_ids(tmp_path) == ["m1.1"]


async def test_cancel_before_the_radio_releases_and_never_sends(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    async with gateway_kind() as gateway:
        pace = {"slot": 1, "min_gap_ms": 60_000, "jitter_ms": 0}
        gateway.settings = {"heartbeat_seconds": 60, "sims": [pace]}
        async with running_agent(gateway, tmp_path):
            await gateway.until_received("hello")
            await gateway.offer("first.1")
            await gateway.until_received("message.sent")
            await gateway.offer("second.1")
            await gateway.send({"type": "message.cancel", "attempt_id": "second.1"})
            (released,) = await gateway.until_received("message.released")
            await gateway.send({"type": "settings", "settings": {}})
            await gateway.offer_until(
                "second.1", lambda: len(gateway.of_type("message.released")) == 2
            )
        async with running_agent(gateway, tmp_path):
            await gateway.until_received("hello", 2)
            await gateway.offer("third.1")
            await gateway.until(lambda: "message.sent" in gateway.facts("third.1"))
    assert released["attempt_id"] == "second.1"
    assert released["reason"] == "canceled"
    assert sent_ids(tmp_path) == ["first.1", "third.1"]


async def test_cancel_after_the_radio_is_answered_with_nothing(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    async with gateway_kind() as gateway, running_agent(gateway, tmp_path):
        await gateway.until_received("hello")
        await gateway.offer("m1.1")
        await gateway.until_received("message.delivered")
        await gateway.send({"type": "message.cancel", "attempt_id": "m1.1"})
        await gateway.send({"type": "message.cancel", "attempt_id": "never.seen"})
        await gateway.offer("m2.1")
        await gateway.until(lambda: "message.delivered" in gateway.facts("m2.1"))
    assert gateway.of_type("message.released") == []


async def test_pull_is_answered_and_unknown_frames_are_ignored(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    async with gateway_kind() as gateway, running_agent(gateway, tmp_path):
        await gateway.until_received("hello")
        await gateway.send({"type": "from.the.future", "id": "x"})
        await gateway.send({"type": "message.send", "attempt_id": 7})
        await gateway.send({"type": "pull"})
        assert await gateway.until_received("pull") == [{"type": "pull"}]
        assert len(gateway.of_type("hello")) == 1


async def test_waits_double_up_to_the_longest_with_jitter(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    timing = replace(FAST, first_wait=0.05, longest_wait=0.2)
    async with gateway_kind() as gateway:
        gateway.greeting_close = (1012, "restart")
        async with running_agent(gateway, tmp_path, timing=timing):
            await gateway.until_received("hello", 5)
    gaps = [later - earlier for earlier, later in pairwise(gateway.hello_at[:5])]
    slack = 0.15  # of a busy machine
    for gap, wait in zip(gaps, [0.05, 0.1, 0.2, 0.2], strict=True):
        assert 0.5 * wait <= gap < 1.5 * wait + slack


async def test_wait_is_the_first_again_after_a_connection_that_lasted(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    timing = replace(FAST, first_wait=0.01, longest_wait=1000, stable_after=0)
    async with gateway_kind() as gateway:
        gateway.greeting_close = (1012, "restart")
        async with running_agent(gateway, tmp_path, timing=timing):
            await gateway.until_received("hello", 20)  # doubling would come to hours


async def test_reconnects_after_the_gateway_died(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, gateway_kind: Kind
) -> None:
    gateway = gateway_kind()
    async with gateway, running_agent(gateway, tmp_path):
        await gateway.until_received("hello")
        await gateway.stop()
        await until(lambda: "No connection to " in caplog.text)
        async with gateway_kind(gateway.port) as again:
            await again.until_received("hello")
            await again.offer("m1.1")
            await again.until_received("message.delivered")


async def test_silent_gateway_is_left_after_the_welcome_timeout(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    async with gateway_kind() as gateway:
        gateway.is_silent = True
        async with running_agent(gateway, tmp_path, timing=replace(FAST, welcome_timeout=0.05)):
            await gateway.until_received("hello", 3)
    assert {frame["type"] for frame in gateway.received} == {"hello"}


async def test_refused_token_stops_the_agent_with_the_reason(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    async with gateway_kind() as gateway:
        gateway.greeting_close = (4401, "invalid_token")
        with pytest.raises(TokenRefused, match=r"does not know this phone .*invalid_token"):
            async with running_agent(gateway, tmp_path) as agent:
                await agent
    assert len(gateway.of_type("hello")) == 1


async def test_suspended_account_keeps_the_queue_and_sends_nothing(
    tmp_path: Path, gateway_kind: Kind
) -> None:
    async with gateway_kind() as gateway:
        pace = {"slot": 1, "min_gap_ms": 200, "jitter_ms": 0}
        gateway.settings = {"heartbeat_seconds": 60, "sims": [pace]}
        async with running_agent(gateway, tmp_path, timing=replace(FAST, suspended_wait=0.1)):
            await gateway.until_received("hello")
            await gateway.offer("m1.1")
            await gateway.offer("m2.1")
            await gateway.until(lambda: "message.sent" in gateway.facts("m1.1"))
            gateway.greeting_close = (4403, "tenant_inactive")
            await gateway.close_socket(4403, "tenant_inactive")
            await gateway.until_received("hello", 8)  # 0.35 s at least: the gap is over
            assert sent_ids(tmp_path) == ["m1.1"]
            assert gateway.of_type("hello")[-1]["holding"] == ["m2.1"]
            gateway.greeting_close = None
            await gateway.until(lambda: "message.delivered" in gateway.facts("m2.1"))
    assert sent_ids(tmp_path) == ["m1.1", "m2.1"]


@pytest.fixture
def auto() -> AutoTransport:
    """Two tries of a socket, then HTTP for a short while."""
    return AutoTransport(tries=2, socket_again_seconds=0.3)


async def test_http_is_used_where_no_socket_gets_through(
    tmp_path: Path, auto: AutoTransport, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeHttpGateway() as gateway, running_agent(gateway, tmp_path, transport=auto):
        await gateway.until_received("hello")
        assert gateway.upgrades == 2
        await gateway.offer("m1.1")
        await gateway.until_received("message.delivered")
        await gateway.until_received("hello", 2)
    assert gateway.upgrades == 3  # tried again in between
    assert caplog.text.count("No WebSocket gets through") == 2
    assert sent_ids(tmp_path) == ["m1.1"]


async def test_socket_is_used_again_when_it_gets_through(
    tmp_path: Path, auto: AutoTransport
) -> None:
    blocked = FakeHttpGateway()
    async with blocked, running_agent(blocked, tmp_path, transport=auto):
        await blocked.until_received("hello")
        await blocked.stop()
        async with FakeGateway(blocked.port) as gateway:
            await gateway.until_received("hello")


async def test_gateway_that_is_away_is_no_reason_for_http(
    tmp_path: Path, auto: AutoTransport, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = FakeGateway()
    async with gateway:
        pass  # now there is a port at which nobody listens
    async with running_agent(gateway, tmp_path, transport=auto):
        await until(lambda: caplog.text.count("No connection to ws://") > 5)
        async with FakeGateway(gateway.port) as again:
            await again.until_received("hello")
    assert caplog.text.count("No connection to http://") == 0


@pytest.mark.parametrize("kind", TRANSPORTS)
async def test_refusal_is_no_reason_for_another_transport(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with (FakeHttpGateway if kind == "http" else FakeGateway)() as gateway:
        gateway.greeting_close = (4401, "invalid_token")
        with pytest.raises(TokenRefused):
            async with running_agent(gateway, tmp_path, transport=TRANSPORTS[kind]()) as agent:
                await agent
    assert caplog.text.count("No WebSocket gets through") == 0


async def test_facts_that_gathered_share_requests(tmp_path: Path) -> None:
    async with FakeHttpGateway() as gateway:
        gateway.offers_at_hello = [offer(f"m{number}.1") for number in range(200)]
        async with running_agent(gateway, tmp_path):
            await gateway.until(lambda: len(gateway.of_type("message.delivered")) == 200)
    assert len(sent_ids(tmp_path)) == 200
    assert len(gateway.authorizations) < 300  # requests, for 600 facts


async def test_news_that_wait_do_not_hold_up_the_end(tmp_path: Path) -> None:
    async with FakeHttpGateway() as gateway:
        async with running_agent(gateway, tmp_path):
            await gateway.until(lambda: gateway.is_asked_for_news)
            began_at = time.monotonic()
        assert time.monotonic() - began_at < 20  # of the 25 that they wait
        await until(lambda: not gateway.is_asked_for_news)  # the request was broken off


class LineThatClosesWhenLeft:
    """A line that greets, and is found closed at the moment in which the agent is stopped."""

    def __init__(self) -> None:
        self.greetings = [encode({"type": "welcome"})]

    async def send(self, frames: Sequence[str]) -> None:
        pass

    async def receive(self) -> str:
        if self.greetings:
            return self.greetings.pop()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise Closed("gone") from None
        raise AssertionError

    @asynccontextmanager
    async def open(self, identity: Identity) -> AsyncIterator[Self]:
        yield self


async def test_agent_that_is_stopped_as_its_line_closes_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    line = LineThatClosesWhenLeft()
    radio = SimulatedRadio(tmp_path, QUICK_PHONE)
    agent = asyncio.create_task(
        run_agent(identity_for(FakeGateway(1)), tmp_path, radio, FAST, line)
    )
    await until(lambda: "Connected to " in caplog.text)
    agent.cancel()
    _, running = await asyncio.wait([agent], timeout=5)
    agent.cancel()  # so that the test ends if the first was lost
    assert running == set()
