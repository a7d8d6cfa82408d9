"""kill -9 to Redis, whose disk is empty afterwards, and a Redis that hangs (K4, K5, K10)."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.crash.account import Account
from tests.crash.client import Client
from tests.crash.evidence import gather_evidence
from tests.crash.gateway import POLL_SECONDS, Gateway
from tests.crash.load import Load, recipient
from tests.crash.oracle import differences
from tests.crash.phone import Phone
from tests.crash.waiting import until

pytestmark = pytest.mark.xdist_group("crash")

DOWN_SECONDS = 10.0
KILLS, NUDGES = 3, 5
# Seconds between the sweep that queued a message and its offer to the phone, which is connected
# to another process: a nudge through Redis, or else a look at PostgreSQL every POLL_SECONDS.
NUDGE_SECONDS = """
SELECT extract(epoch FROM leased.received_at - due.received_at)::float
  FROM messaging_messageevent due
  JOIN messaging_messageevent leased USING (message_id)
  JOIN messaging_message message ON message.id = message_id
 WHERE message.text LIKE 'nudge%%' AND due.kind = 'due' AND leased.kind = 'leased'
"""


@pytest.fixture
def frozen_redis(gateway: Gateway) -> Iterator[None]:
    """Redis keeps its connections open and answers nothing until the test is over."""
    gateway.redis.freeze()
    yield
    gateway.redis.thaw()
    gateway.wait_until_ready()


def test_redis_killed_with_an_empty_disk_stops_nothing(
    gateway: Gateway,
    account: Account,
    client: Client,
    phone: Phone,
    note: Callable[[str], None],
):
    phone.start()
    phone.wait_until_connected()
    with Load(account, gateway.port, clients=4) as load:
        phone.wait_for_more(20)
        gateway.redis.kill()
        gateway.redis.forget()
        before, waits = len(phone.lines()), []
        ends_at = time.monotonic() + DOWN_SECONDS
        while time.monotonic() < ends_at:
            waits.append(_seconds_until_it_leaves(client, phone))
        during = len(phone.lines()) - before
        gateway.redis.start()
        gateway.wait_until_ready()
    _send_through_worker_and_nudges(client, NUDGES)
    evidence = gather_evidence(client, phone, load.accepted)
    note(f"{DOWN_SECONDS:g} s without Redis: {during} texts left; {evidence.figures()}")
    assert (load.lost, client.lost) == (0, 0)
    assert [one.refusals for one in [*load.clients, client]] == [[]] * 5
    assert differences(evidence) == []
    assert evidence.unknown == 0
    assert during > 50
    assert max(waits) < 2 * POLL_SECONDS
    assert (phone.connections(), phone.disconnections()) == (1, 0)
    nudged = gateway.query(NUDGE_SECONDS)
    assert len(nudged) == NUDGES
    assert max(nudged) < (POLL_SECONDS / 2,)


def test_redis_killed_again_and_again_is_found_again_each_time(
    gateway: Gateway, client: Client, phone: Phone, rounds: Callable[[int], int]
):
    """`/readyz` is 200 when a task went from beat through Redis to a worker and left its trace."""
    phone.start()
    phone.wait_until_connected()
    for _ in range(rounds(KILLS)):
        gateway.redis.kill()
        gateway.redis.start()
        gateway.wait_until_ready(seconds=30)
        assert _seconds_until_it_leaves(client, phone) < 2 * POLL_SECONDS
    assert (phone.connections(), phone.disconnections()) == (1, 0)


@pytest.mark.usefixtures("frozen_redis")
def test_redis_that_hangs_stops_nothing(client: Client, phone: Phone):
    phone.start()
    until(lambda: phone.connections() == 1, "the phone connects", seconds=5)
    waits = [_seconds_until_it_leaves(client, phone) for _ in range(10)]
    assert (client.lost, client.refusals) == (0, [])
    assert max(waits) < 2 * POLL_SECONDS
    assert (phone.connections(), phone.disconnections()) == (1, 0)


def _seconds_until_it_leaves(client: Client, phone: Phone) -> float:
    """From the first try to send a text until it has left the phone."""
    began_at = time.monotonic()
    answer = client.send(recipient(), "plain")
    attempt = f"{answer.json['id']}.1"
    until(lambda: any(line.attempt_id == attempt for line in phone.lines()), "the text leaves")
    return time.monotonic() - began_at


def _send_through_worker_and_nudges(client: Client, count: int) -> None:
    """Scheduled texts, so far apart that each needs a sweep and a nudge of its own."""
    first_at = datetime.now(UTC) + timedelta(seconds=2)
    for number in range(count):
        send_at = first_at + timedelta(seconds=1.2 * number)
        client.send(recipient(), f"nudge {number}", sendAt=send_at.isoformat())
