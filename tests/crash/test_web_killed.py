"""kill -9 to web processes, at chosen steps of a request and at random moments (K1)."""

import random
import time
from collections.abc import Callable, Iterator

import pytest

from tests.crash.account import Account
from tests.crash.child import kill_process
from tests.crash.client import Client
from tests.crash.evidence import gather_evidence
from tests.crash.gateway import Gateway
from tests.crash.load import Load, recipient
from tests.crash.oracle import differences
from tests.crash.phone import Phone
from tests.crash.waiting import until

pytestmark = pytest.mark.xdist_group("crash")

KILLS = 8


@pytest.fixture(scope="module")
def policed_port(gateway: Gateway) -> Iterator[int]:
    """The port of web processes with a policy, and so with a transaction in which to die."""
    web, port = gateway.another_web(CRASH_POLICY="1")
    try:
        web.start()
        gateway.wait_until_ready(port)
        yield port
    finally:
        web.kill()


@pytest.fixture
def policed(policed_port: int, account: Account) -> Iterator[Client]:
    """A client of those."""
    client = Client(policed_port, account.api_key)
    yield client
    client.close()


@pytest.mark.parametrize(
    ("step", "is_replayed"),
    [("before_commit", False), ("on_commit", True), ("before_reply", True)],
)
def test_web_killed_at_a_step_leaves_one_message_for_one_key(
    gateway: Gateway, policed: Client, phone: Phone, step: str, is_replayed: bool
):
    phone.start_impatient()
    phone.wait_until_connected()
    gateway.ask_to_die(step)
    answer = policed.send(recipient(), "keyed", key=f"key of {step}")
    assert not gateway.is_asked_to_die(step)
    assert policed.lost == 1
    assert ("idempotent-replayed" in answer.headers) is is_replayed
    evidence = gather_evidence(policed, phone, {answer.json["id"]: "keyed"})
    assert differences(evidence) == []
    assert list(evidence.rows) == [answer.json["id"]]


@pytest.mark.parametrize(
    ("step", "messages"), [("before_commit", 1), ("on_commit", 2), ("before_reply", 2)]
)
def test_web_killed_at_a_step_without_a_key_loses_nothing(
    gateway: Gateway, policed: Client, phone: Phone, step: str, messages: int
):
    phone.start_impatient()
    phone.wait_until_connected()
    gateway.ask_to_die(step)
    answer = policed.send(recipient(), "plain")
    assert not gateway.is_asked_to_die(step)
    assert policed.lost == 1
    evidence = gather_evidence(policed, phone, {answer.json["id"]: "plain"})
    assert differences(evidence) == []
    assert len(evidence.rows) == messages  # the second one is the client's own repeat


def test_web_killed_at_random_neither_loses_nor_doubles(
    gateway: Gateway,
    account: Account,
    client: Client,
    phone: Phone,
    chance: random.Random,
    rounds: Callable[[int], int],
    note: Callable[[str], None],
):
    phone.start_impatient()
    phone.wait_until_connected()
    kills = rounds(KILLS)
    with Load(account, gateway.port, clients=8, pause_seconds=0.02) as load:
        for _ in range(kills):
            until(lambda: gateway.web.workers(), "a web process")
            time.sleep(chance.uniform(0.1, 1.5))  # the moment is the test
            kill_process(chance.choice(until(gateway.web.workers, "a web process")))
    gateway.wait_until_ready()
    evidence = gather_evidence(client, phone, load.accepted)
    note(f"{kills} kills, {load.lost} requests without an answer; {evidence.figures()}")
    assert differences(evidence) == []
    assert evidence.unknown == 0
    assert load.lost > 0
