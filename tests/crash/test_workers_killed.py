"""kill -9 to the worker and to beat: the clockwork makes up for what it missed (K2, K7, K10)."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.crash.client import Client
from tests.crash.evidence import gather_evidence
from tests.crash.gateway import Gateway
from tests.crash.load import recipient
from tests.crash.mute_phone import mute_phone
from tests.crash.oracle import differences
from tests.crash.phone import Phone
from tests.crash.waiting import until

pytestmark = pytest.mark.xdist_group("crash")


@pytest.fixture
def silent(gateway: Gateway) -> Iterator[Client]:
    """A client whose phone never connects: what it sends can only expire."""
    client = Client(gateway.port, gateway.account().api_key)
    yield client
    client.close()


def schedule(client: Client, count: int, *, seconds: float, spread: float = 0) -> dict[str, str]:
    """Messages to be sent that many seconds from now, and later by up to `spread`: id -> text."""
    accepted = {}
    for number in range(count):
        send_at = datetime.now(UTC) + timedelta(seconds=seconds + spread * number / count)
        answer = client.send(recipient(), f"at {number}", sendAt=send_at.isoformat())
        assert answer.json["status"] == "scheduled"
        accepted[answer.json["id"]] = f"at {number}"
    return accepted


def let_expire(client: Client, count: int) -> None:
    """Messages that are valid for a second."""
    for number in range(count):
        client.send(recipient(), f"short-lived {number}", ttl=1)


def wait_until_expired(client: Client, count: int) -> None:
    """Wait until so many messages of the client's expired, and all others, too."""
    until(
        lambda: [row["status"] for row in client.listed()] == ["expired"] * count,
        f"{count} messages expire",
        every=0.3,
    )


def expiries(gateway: Gateway, client: Client) -> list[int]:
    """How often the expiry of each of the client's messages was published."""
    published = Counter((gateway.faults / "published").read_text().splitlines())
    ids = gateway.query("SELECT id FROM messaging_message WHERE text LIKE 'short-lived%%'")
    return [published[f"message.expired {message_id}"] for (message_id,) in ids]


def test_clockwork_killed_is_made_up_for_after_a_restart(
    gateway: Gateway, client: Client, phone: Phone, silent: Client
):
    phone.start()
    phone.wait_until_connected()
    gateway.beat.kill()
    gateway.worker.kill()
    account = gateway.account()
    forgetful = Client(gateway.port, account.api_key)
    with mute_phone(account, gateway.port) as mute:
        offered = forgetful.send(recipient(), "offered").json["id"]
        assert mute.wait_for_offer(1) == f"{offered}.1"
        accepted = schedule(client, 5, seconds=2)
        let_expire(silent, 5)
        until(lambda: gateway.query(OVERDUE) == [(11,)], "everything is overdue")
        gateway.worker.start()
        gateway.beat.start()
        assert mute.wait_for_offer(2) == f"{offered}.1"
    forgetful.close()
    wait_until_expired(silent, 5)
    evidence = gather_evidence(client, phone, accepted)
    assert differences(evidence) == []
    assert len(evidence.lines) == 5


OVERDUE = """
SELECT count(*) FROM messaging_message
 WHERE (status = 'scheduled' AND send_at < now())
    OR (status = 'leased' AND lease_until < now())
    OR (status = 'queued' AND expires_at < now())
"""


@pytest.mark.parametrize(
    "task", ["messaging.tasks.queue_scheduled", "messaging.tasks.expire_overdue"]
)
def test_sweep_killed_halfway_is_done_again(
    gateway: Gateway, client: Client, phone: Phone, silent: Client, task: str
):
    phone.start()
    phone.wait_until_connected()
    gateway.ask_to_die(task)
    accepted = schedule(client, 5, seconds=1)
    let_expire(silent, 5)
    until(lambda: not gateway.is_asked_to_die(task), f"the death of {task}")
    wait_until_expired(silent, 5)
    evidence = gather_evidence(client, phone, accepted)
    assert differences(evidence) == []
    assert len(evidence.lines) == 5


def test_clockwork_killed_at_random_loses_no_schedule(
    gateway: Gateway,
    client: Client,
    phone: Phone,
    chance: random.Random,
    rounds: Callable[[int], int],
    note: Callable[[str], None],
):
    kills = rounds(4)
    phone.start()
    phone.wait_until_connected()
    accepted = schedule(client, 20 * kills, seconds=1, spread=4 * kills)
    for _ in range(kills):
        phone.wait_for_more(chance.randint(5, 15))
        victim = chance.choice([gateway.worker, gateway.beat])
        victim.kill()
        victim.start()
    evidence = gather_evidence(client, phone, accepted)
    note(f"{kills} kills; {evidence.figures()}")
    assert differences(evidence) == []
    assert evidence.unknown == 0


def test_two_of_each_change_nothing_twice(
    gateway: Gateway, client: Client, phone: Phone, silent: Client
):
    phone.start()
    phone.wait_until_connected()
    others = [gateway.another_worker(), gateway.another_beat()]
    try:
        for other in others:
            other.start()
        accepted = schedule(client, 40, seconds=1, spread=6)
        let_expire(silent, 20)
        wait_until_expired(silent, 20)
        evidence = gather_evidence(client, phone, accepted)
    finally:
        for other in others:
            other.kill()
    assert differences(evidence) == []
    assert set(expiries(gateway, silent)) == {1}
    assert gateway.query(DUE_EVENTS) == [(1,)]


DUE_EVENTS = """
SELECT DISTINCT count(*) FROM messaging_messageevent WHERE kind = 'due' GROUP BY message_id
"""
