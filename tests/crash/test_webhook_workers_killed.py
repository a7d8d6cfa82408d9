"""kill -9 to the worker that delivers, and to Redis: no event is lost, repeats have its id (K2-K4).

The receivers are real, so what counts is what came in over the wire.
"""

import os
import random
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from gateway_site.embedded.process import Program
from tests.crash.child import Child
from tests.crash.gateway import Gateway
from tests.crash.waiting import until
from webhooks.tests.receivers import Receiver, Reply

pytestmark = pytest.mark.xdist_group("crash")

IN_FLIGHT = 10  # of one endpoint
# Endpoints that answered just now, so that they may have ten requests in flight each.
_ENDPOINT = """
INSERT INTO webhooks_endpoint
       (public_id, tenant_id, kind, name, url, events, format, options, state, disabled_reason,
        secret, secret_prefix, previous_secret, created_at, last_success_at, warnings_sent)
SELECT gen_random_uuid(), min(id), 'endpoint', '', %s, '{}', 'native', '{}', 'enabled', '', '', '',
       '', now(), now(), 0
  FROM accounts_tenant
RETURNING id
"""
_DELIVERIES = """
WITH event AS (
    INSERT INTO webhooks_event (public_id, tenant_id, name, key, body, is_private, created_at)
    SELECT gen_random_uuid(), endpoint.tenant_id, 'message.received', gen_random_uuid()::text,
           '{"event":"message.received"}', false, now()
      FROM webhooks_endpoint AS endpoint, generate_series(1, %s::int)
     WHERE endpoint.id = %s
    RETURNING id, tenant_id
)
INSERT INTO webhooks_delivery
       (public_id, tenant_id, event_id, endpoint_id, url, has_own_url, status, attempts,
        next_attempt_at, claim, crashes, created_at, last_error)
SELECT gen_random_uuid(), tenant_id, id, %s, '', false, 'pending', 0, now(), 0, 0, now(), ''
  FROM event
RETURNING id
"""
_STATES = "SELECT DISTINCT status, attempts FROM webhooks_delivery WHERE endpoint_id = ANY(%s)"
# A minute later, as far as claims are concerned.
_AGE = """
UPDATE webhooks_delivery SET claimed_until = now(), next_attempt_at = now()
 WHERE claimed_until IS NOT NULL
RETURNING id
"""


@pytest.fixture
def worker(gateway: Gateway) -> Iterator[Child]:
    """The gateway's worker, which may reach receivers on this machine."""
    gateway.webhooks.kill()
    worker = Child(_at_home(gateway.webhooks), gateway.logs)
    worker.start()
    try:
        yield worker
    finally:
        worker.kill()
        gateway.webhooks.start()


def _at_home(child: Child) -> Program:
    env = {**child.program.env, "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}
    return replace(child.program, env=env)


def signal_group(worker: Child, number: signal.Signals) -> None:
    """A signal to the worker and all its processes."""
    assert worker.process is not None
    os.killpg(worker.process.pid, number)


def queue(gateway: Gateway, receiver: Receiver, count: int) -> int:
    """An endpoint with so many deliveries that are due; nobody is nudged."""
    ((endpoint,),) = gateway.query(_ENDPOINT, receiver.url)
    gateway.query(_DELIVERIES, count, endpoint, endpoint)
    return int(endpoint)


def arrived(*receivers: Receiver) -> Counter[str]:
    """How often each webhook-id came."""
    return Counter(r.headers["webhook-id"] for receiver in receivers for r in receiver.requests)


def wait_for_more(receivers: Sequence[Receiver], count: int) -> None:
    """Wait until so many more requests came."""
    wanted = arrived(*receivers).total() + count
    until(lambda: arrived(*receivers).total() >= wanted, "webhooks come")


def wait_until_all_succeeded(gateway: Gateway, endpoints: list[int]) -> None:
    until(
        lambda: gateway.query(_STATES, endpoints) == [("succeeded", 1)],
        "every delivery succeeds, as far as the gateway knows at once",
        every=0.2,
    )


def test_worker_killed_between_the_answer_and_its_row_sends_the_same_id_again(
    gateway: Gateway, worker: Child
):
    def answer_and_kill(connection: socket.socket) -> None:
        # The whole answer is in the worker's socket when it dies.
        signal_group(worker, signal.SIGSTOP)
        Reply(200)(connection)
        signal_group(worker, signal.SIGKILL)

    with Receiver(answer_and_kill, Reply(200)) as receiver:
        endpoint = queue(gateway, receiver, 5)
        until(lambda: worker.exit_code is not None, "the worker dies")
        before = arrived(receiver)
        assert gateway.query("SELECT 1 FROM webhooks_deliveryattempt WHERE status = 200") == []
        worker.kill()
        worker.start()
        gateway.query(_AGE)
        wait_until_all_succeeded(gateway, [endpoint])
    repeated = {webhook_id for webhook_id, count in arrived(receiver).items() if count > 1}
    assert len(arrived(receiver)) == 5
    assert repeated == set(before)
    assert len(repeated) >= 1
    assert max(arrived(receiver).values()) == 2


def test_worker_that_comes_back_late_changes_nothing(gateway: Gateway, worker: Child):
    frozen: list[bool] = []

    def freeze_and_refuse(connection: socket.socket) -> None:
        signal_group(worker, signal.SIGSTOP)
        Reply(500)(connection)
        frozen.append(True)

    other = Child(_at_home(gateway.webhooks), gateway.logs / "other")
    other.log.parent.mkdir(exist_ok=True)
    with Receiver(freeze_and_refuse, Reply(200)) as receiver:
        endpoint = queue(gateway, receiver, 1)
        until(lambda: frozen, "the worker freezes")
        gateway.query(_AGE)
        try:
            other.start()
            wait_until_all_succeeded(gateway, [endpoint])
        finally:
            signal_group(worker, signal.SIGCONT)
            other.kill()
        # Without a status when it slept longer than an exchange may take.
        attempts = """
            SELECT coalesce(status, 500) FROM webhooks_deliveryattempt
             WHERE endpoint_id = %s ORDER BY 1
        """

        def is_told() -> bool:
            # It may have been frozen inside the transaction of its next claim, which PostgreSQL
            # ends after 30 seconds so that the other one comes by. Its task dies of that.
            has_died = b"server closed the connection" in worker.log.read_bytes()
            return has_died or gateway.query(attempts, endpoint) == [(200,), (500,)]

        until(is_told, "the late answer is dealt with")
    assert gateway.query(_STATES, [endpoint]) == [("succeeded", 1)]
    assert list(arrived(receiver).values()) == [2]


def test_worker_killed_at_random_loses_nothing(
    gateway: Gateway,
    worker: Child,
    chance: random.Random,
    rounds: Callable[[int], int],
    note: Callable[[str], None],
):
    kills, each = rounds(3), 40
    with Receiver() as first, Receiver() as second:
        receivers = (first, second)
        endpoints = [queue(gateway, receiver, each * kills) for receiver in receivers]
        for _ in range(kills):
            wait_for_more(receivers, chance.randint(5, each))
            worker.kill()
            gateway.query(_AGE)
            worker.start()
        until(lambda: not gateway.query(_OPEN, endpoints), "every delivery ends", 60, every=0.2)
    counts = arrived(*receivers)
    repeats = counts.total() - len(counts)
    note(f"{kills} kills: {len(counts)} events arrived, {repeats} repeats")
    assert gateway.query(_STATES, endpoints) == [("succeeded", 1)]
    assert len(counts) == 2 * each * kills
    assert repeats <= 2 * IN_FLIGHT * kills


_OPEN = "SELECT 1 FROM webhooks_delivery WHERE endpoint_id = ANY(%s) AND status = 'pending' LIMIT 1"


def test_redis_that_forgot_everything_is_filled_anew(gateway: Gateway, worker: Child):
    with Receiver() as receiver:
        worker.kill()
        endpoint = queue(gateway, receiver, 30)
        gateway.redis.kill()
        gateway.redis.forget()
        gateway.redis.start()
        worker.start()
        gateway.wait_until_ready()
        wait_until_all_succeeded(gateway, [endpoint])
    assert len(arrived(receiver)) == arrived(receiver).total() == 30
