"""kill -9 to the phone's program, at each step of its journal and at random moments (D1)."""

import random
import time
from collections.abc import Callable

import pytest

from agent.radios.simulated import SimulatedRadio
from tests.crash.account import Account
from tests.crash.client import Client
from tests.crash.evidence import gather_evidence
from tests.crash.gateway import Gateway
from tests.crash.load import Load, recipient
from tests.crash.oracle import differences
from tests.crash.phone import Phone

pytestmark = pytest.mark.xdist_group("crash")

KILLS = 12


@pytest.mark.parametrize(
    ("step", "ends"),
    [
        ("stored", {("delivered", None)}),
        # The radio works beside the socket, so its call may have begun by then, or not.
        ("accepted", {("delivered", None), ("failed", "unknown")}),
        ("submitting", {("failed", "unknown")}),
        ("radio_called", {("delivered", None)}),
        ("outcome_written", {("delivered", None)}),
        ("reported", {("delivered", None)}),
    ],
)
def test_phone_killed_at_a_step_is_told_honestly(
    client: Client, phone: Phone, step: str, ends: set[tuple[str, str | None]]
):
    phone.start(crash_at=step)
    phone.wait_until_connected()
    answer = client.send(recipient(), "plain")
    phone.wait_for_death()
    phone.start(crash_at=step)
    evidence = gather_evidence(client, phone, {answer.json["id"]: "plain"})
    assert differences(evidence) == []
    (row,) = evidence.rows.values()
    assert (row.status, row.error_code) in ends


def test_phone_killed_at_random_neither_loses_nor_doubles(
    gateway: Gateway,
    account: Account,
    client: Client,
    phone: Phone,
    chance: random.Random,
    rounds: Callable[[int], int],
    note: Callable[[str], None],
):
    kills = rounds(KILLS)
    with Load(account, gateway.port, clients=4) as load:
        for life in range(kills):
            phone.start()
            phone.wait_until_connected(life + 1)
            _kill_while_it_sends(phone, chance)
        phone.start()
    evidence = gather_evidence(client, phone, load.accepted)
    note(f"{kills} kills; {evidence.figures()}")
    assert differences(evidence) == []
    assert evidence.unknown <= kills * SimulatedRadio.parallel_sends
    assert len(evidence.lines) > 100


def _kill_while_it_sends(phone: Phone, chance: random.Random) -> None:
    """At once after some lines, or a moment later: the moment is the test."""
    phone.wait_for_more(chance.randint(1, 15))
    time.sleep(chance.choice([0, 0.01 * chance.random(), 0.5 * chance.random()]))
    phone.kill()
