"""kill -9 to Redis, whose disk is empty afterwards, and a Redis that hangs (K4, K5, K10)."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

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
KILLS, NUDGES = 3, 3
# Without Redis a text waits for the next look at PostgreSQL, and on a busy machine for others.
PATIENCE_SECONDS = 5 * POLL_SECONDS


@pytest.fixture
def frozen_redis(gateway: Gateway) -> Iterator[None]:
    """Redis keeps its connections open and answers nothing until the test is over."""
    gateway.redis.freeze()
    yield
    gateway.redis.thaw()
    gateway.wait_until_ready()


@pytest.fixture
def nudged_phone(gateway: Gateway, account: Account, tmp_path: Path) -> Iterator[Phone]:
    """Connected to processes that do not look around: only a nudge tells them of a text."""
    web, port = gateway.another_web(DEVICE_POLL_SECONDS="3600")
    phone = Phone(account, tmp_path / "phone", port)
    try:
        web.start()
        gateway.wait_until_ready(port)
        yield phone
    finally:
        phone.kill()
        web.kill()


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
    evidence = gather_evidence(client, phone, load.accepted)
    note(f"{DOWN_SECONDS:g} s without Redis: {during} texts left; {evidence.figures()}")
    assert (load.lost, client.lost) == (0, 0)
    assert [one.refusals for one in [*load.clients, client]] == [[]] * 5
    assert differences(evidence) == []
    assert evidence.unknown == 0
    assert during > 50
    assert max(waits) < PATIENCE_SECONDS
    assert (phone.connections(), phone.disconnections()) == (1, 0)


def test_nudges_come_through_a_redis_that_forgot_everything(
    gateway: Gateway, nudged_phone: Phone, client: Client
):
    nudged_phone.start()
    nudged_phone.wait_until_connected()
    _seconds_until_it_leaves(client, nudged_phone)
    gateway.redis.kill()
    gateway.redis.forget()
    gateway.redis.start()
    gateway.wait_until_ready()
    for _ in range(NUDGES):
        _seconds_until_it_leaves(client, nudged_phone)
    in_a_moment = datetime.now(UTC) + timedelta(seconds=1)
    _seconds_until_it_leaves(client, nudged_phone, sendAt=in_a_moment.isoformat())
    assert (nudged_phone.connections(), nudged_phone.disconnections()) == (1, 0)


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
        assert _seconds_until_it_leaves(client, phone) < PATIENCE_SECONDS
    assert (phone.connections(), phone.disconnections()) == (1, 0)


@pytest.mark.usefixtures("frozen_redis")
def test_redis_that_hangs_stops_nothing(client: Client, phone: Phone):
    phone.start()
    until(lambda: phone.connections() == 1, "the phone connects", seconds=5)
    waits = [_seconds_until_it_leaves(client, phone) for _ in range(10)]
    assert (client.lost, client.refusals) == (0, [])
    assert max(waits) < PATIENCE_SECONDS
    assert (phone.connections(), phone.disconnections()) == (1, 0)


def _seconds_until_it_leaves(client: Client, phone: Phone, **more: Any) -> float:
    """From the first try to send a text until it has left the phone."""
    began_at = time.monotonic()
    answer = client.send(recipient(), "plain", **more)
    attempt = f"{answer.json['id']}.1"
    until(lambda: any(line.attempt_id == attempt for line in phone.lines()), "the text leaves")
    return time.monotonic() - began_at
