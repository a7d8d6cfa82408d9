"""Idempotency keys under concurrency: real transactions on connections of their own."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.errors import Conflict
from accounts.models import Tenant
from accounts.services.idempotency import Answer, answer_once
from accounts.tests.factories import TenantFactory

pytestmark = pytest.mark.django_db(transaction=True)


class SlowWork:
    """Work that has begun and waits to be let go."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self) -> Answer:
        self.has_begun.set()
        assert self.may_end.wait(timeout=10)
        return Answer(202, b"slow")


def ask(tenant: Tenant, work, *, lock_timeout_ms: int = 10_000) -> Answer:
    """One request on its own thread and connection."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = {lock_timeout_ms}")
        return answer_once(tenant=tenant, key="k", fingerprint="f", work=work)
    finally:
        connection.close()


@pytest.fixture
def first(request):
    """(tenant, slow work of a first request that is under way, its future answer, more threads)."""
    tenant, work = TenantFactory(), SlowWork()
    with ThreadPoolExecutor(8) as pool:
        request.addfinalizer(work.may_end.set)
        answer = pool.submit(ask, tenant, work)
        assert work.has_begun.wait(timeout=10)
        yield tenant, work, answer, pool
        work.may_end.set()


def test_second_request_gives_up_with_a_conflict_while_the_first_runs(first):
    tenant, _, _, pool = first
    second: Future[Answer] = pool.submit(
        ask, tenant, lambda: Answer(202, b"2nd"), lock_timeout_ms=50
    )
    with pytest.raises(Conflict) as refused:
        second.result(timeout=10)
    assert refused.value.headers == {"Retry-After": "1"}


def test_waiting_requests_replay_the_first_answer(first):
    tenant, work, answer, pool = first
    waiting = [pool.submit(ask, tenant, lambda: Answer(202, b"2nd")) for _ in range(6)]
    work.may_end.set()
    assert answer.result(timeout=10) == Answer(202, b"slow")
    assert [other.result(timeout=10) for other in waiting] == [
        Answer(202, b"slow", is_replayed=True)
    ] * 6


def test_exactly_one_waiting_request_does_the_work_when_the_first_fails():
    tenant, done = TenantFactory(), []
    has_begun, may_fail = threading.Event(), threading.Event()

    def fail() -> Answer:
        has_begun.set()
        assert may_fail.wait(timeout=10)
        raise Conflict

    def work() -> Answer:
        done.append(1)
        return Answer(202, b"2nd")

    with ThreadPoolExecutor(8) as pool:
        failing = pool.submit(ask, tenant, fail)
        assert has_begun.wait(timeout=10)
        waiting = [pool.submit(ask, tenant, work) for _ in range(6)]
        may_fail.set()
        answers = [other.result(timeout=10) for other in waiting]
        with pytest.raises(Conflict):
            failing.result(timeout=10)
    assert sorted(answer.is_replayed for answer in answers) == [False] + [True] * 5
    assert ({answer.body for answer in answers}, len(done)) == ({b"2nd"}, 1)


def test_another_tenant_does_not_wait(first):
    _, _, _, pool = first
    other = pool.submit(ask, TenantFactory(), lambda: Answer(202, b"other"), lock_timeout_ms=50)
    assert other.result(timeout=10) == Answer(202, b"other")
