"""Connections that break between phone and gateway, with what is under way on them (D3)."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.account import Account
from tests.crash.client import Client
from tests.crash.evidence import gather_evidence
from tests.crash.gateway import HOST, LEASE_SECONDS, POLL_SECONDS, SILENT_SECONDS, Gateway
from tests.crash.load import Load, recipient
from tests.crash.oracle import differences
from tests.crash.phone import Phone
from tests.crash.waiting import until
from tests.crash.wire import Verdict, Wire, tcp_wire

pytestmark = pytest.mark.xdist_group("crash")

# More than both web processes together allow one phone (DEVICE_MAX_SOCKETS).
BROKEN_HELLOS = 25
MOVED = "by the new network"
WAITED = """
SELECT sum(leases - 1), extract(epoch FROM max(sent_at - created_at))::float
  FROM messaging_message WHERE text = %s
"""
CUTS = 25
CUT_OF_CHUNKS = 0.04


@pytest.fixture
def wire(gateway: Gateway) -> Iterator[Wire]:
    with tcp_wire(HOST, gateway.port) as wire:
        yield wire


@pytest.fixture
def phone(wire: Wire, account: Account, tmp_path: Path) -> Iterator[Phone]:
    """A phone that calls through the wire."""
    phone = Phone(account, tmp_path / "phone", wire.port)
    yield phone
    phone.kill()


def test_sockets_that_broke_while_written_to_are_forgotten(
    gateway: Gateway, wire: Wire, client: Client, phone: Phone
):
    """One that stays in the hub takes leases to nowhere, and in the end shuts its phone out."""

    def cut_after_hello(is_from_client: bool, chunk: bytes, number: int) -> Verdict:
        is_hello = is_from_client and not chunk.startswith(b"GET ")
        is_to_break = is_hello and wire.cuts < BROKEN_HELLOS
        return Verdict.CUT_AFTER if is_to_break else Verdict.PASS

    wire.judge = cut_after_hello
    phone.start_impatient()
    phone.wait_until_connected()
    assert wire.cuts == BROKEN_HELLOS
    accepted = {client.send(recipient(), text).json["id"]: text for text in "abcde"}
    evidence = gather_evidence(client, phone, accepted)
    assert differences(evidence) == []
    offers = gateway.query(
        "SELECT leases FROM messaging_message WHERE text IN ('a','b','c','d','e')"
    )
    assert offers == [(1,)] * 5


def test_phone_that_changes_its_network_gets_everything(
    gateway: Gateway, wire: Wire, client: Client, phone: Phone, note: Callable[[str], None]
):
    """For the gateway the old connection is still open, and some leases go into it."""
    phone.start()
    phone.wait_until_connected()
    client.send(recipient(), "by the old network")
    phone.wait_for_more(1)
    wire.silence()
    phone.kill()
    phone.start()
    phone.wait_until_connected(2)
    accepted = {client.send(recipient(), text).json["id"]: text for text in [MOVED] * 30}
    evidence = gather_evidence(client, phone, accepted)
    ((repeats, slowest),) = gateway.query(WAITED, MOVED)
    note(f"{repeats} offers into the void, the slowest text took {slowest:.1f} s")
    assert differences(evidence) == []
    assert slowest < SILENT_SECONDS + LEASE_SECONDS + POLL_SECONDS


def test_connections_cut_at_random_neither_lose_nor_double(
    gateway: Gateway,
    wire: Wire,
    account: Account,
    client: Client,
    phone: Phone,
    chance: random.Random,
    rounds: Callable[[int], int],
    note: Callable[[str], None],
):
    cuts = rounds(CUTS)

    def cut_some(is_from_client: bool, chunk: bytes, number: int) -> Verdict:
        if wire.cuts >= cuts or chance.random() >= CUT_OF_CHUNKS:
            return Verdict.PASS
        return chance.choice([Verdict.CUT_BEFORE, Verdict.CUT_AFTER])

    wire.judge = cut_some
    phone.start_impatient()
    with Load(account, gateway.port, clients=4) as load:
        until(lambda: wire.cuts >= cuts, f"{cuts} cuts", 60 * rounds(1))
    evidence = gather_evidence(client, phone, load.accepted)
    note(f"{wire.cuts} cuts, {phone.connections()} connections; {evidence.figures()}")
    assert differences(evidence) == []
    assert evidence.unknown == 0
    assert phone.connections() > cuts / 2
