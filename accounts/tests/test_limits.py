"""Rate limits: exact under parallel use, and what happens without Redis."""

import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Connection

from accounts import redis
from accounts.errors import RateLimited, Unavailable
from accounts.services import limits
from accounts.services.limits import Allowance, Limit, spend

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture
def no_redis(settings):
    """A port on which nobody listens; the value is the URL of the Redis that is there."""
    real_url = settings.REDIS_URL
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"
        forget_redis()
        yield real_url
    forget_redis()


@pytest.fixture
def restless_threads():
    """Threads take turns as often as they can, so that they meet in every gap between two steps."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


def forget_redis() -> None:
    redis.connection.cache_clear()
    limits.forget_purses()
    limits._script = None


def passes(limit: Limit, subject: str = "a") -> bool:
    try:
        spend(limit, subject)
    except RateLimited:
        return False
    return True


@pytest.mark.usefixtures("restless_threads")
@pytest.mark.parametrize("count", [100, 10_000])
def test_twice_as_many_parallel_uses_as_allowed_let_exactly_the_limit_pass(count):
    limit, together = Limit("parallel", count, 60), threading.Barrier(20)

    def spend_some() -> int:
        together.wait(timeout=10)
        return sum(passes(limit) for _ in range(2 * count // 20))

    with ThreadPoolExecutor(20) as pool:
        counts = [pool.submit(spend_some) for _ in range(20)]
        assert sum(count.result(timeout=30) for count in counts) == count


def test_allowance_counts_down_and_the_refusal_says_when_to_come_again():
    limit = Limit("countdown", 2, 60)
    left = [spend(limit, "a").remaining for _ in range(2)]
    with pytest.raises(RateLimited) as refused:
        spend(limit, "a")
    told = refused.value.headers
    assert (left, told["RateLimit-Limit"], told["RateLimit-Remaining"]) == ([1, 0], "2", "0")
    assert 55 <= int(told["RateLimit-Reset"]) <= 60
    assert told["Retry-After"] == told["RateLimit-Reset"]


def test_subjects_and_limits_are_counted_apart():
    one, other = Limit("one", 1, 60), Limit("other", 1, 60)
    uses = [(one, "a"), (one, "b"), (other, "a"), (one, "a")]
    assert [passes(limit, subject) for limit, subject in uses] == [True, True, True, False]


def test_a_window_ends_and_the_next_is_whole():
    limit, deadline = Limit("short", 1, 1), time.monotonic() + 5
    assert [passes(limit), passes(limit)] == [True, False]
    while not passes(limit):
        assert time.monotonic() < deadline
    assert passes(limit) is False


def test_refused_uses_do_not_prolong_the_window():
    limit = Limit("prolong", 1, 60)
    passes(limit)
    redis.connection().pexpire("limit:prolong:a", 30_000)  # half of the window went by
    assert [passes(limit) for _ in range(5)] == [False] * 5
    assert redis.connection().pttl("limit:prolong:a") <= 30_000


def test_cost_zero_looks_without_counting():
    limit = Limit("look", 3, 60)
    assert spend(limit, "a", cost=2).remaining == 1
    assert [spend(limit, "a", cost=0).remaining for _ in range(3)] == [1, 1, 1]


@pytest.mark.usefixtures("no_redis")
def test_without_redis_an_ordinary_limit_lets_everything_pass():
    limit = Limit("open", 1, 60)
    assert [spend(limit, "a") for _ in range(3)] == [Allowance(1, 1, 60)] * 3


@pytest.mark.usefixtures("no_redis")
def test_without_redis_a_guard_against_guessing_refuses():
    with pytest.raises(Unavailable) as refused:
        spend(Limit("guard", 5, 60, fails_open=False), "a")
    assert (refused.value.status, refused.value.headers) == (503, {"Retry-After": "1"})


@pytest.mark.usefixtures("no_redis")
def test_an_outage_costs_one_attempt_and_then_none_for_a_while(monkeypatch):
    attempts = []
    connect = Connection.connect

    def count(self):
        attempts.append(self)
        connect(self)

    monkeypatch.setattr(Connection, "connect", count)
    spend(Limit("open", 1, 60), "a")
    assert attempts != []
    attempts.clear()
    for _ in range(100):
        spend(Limit("open", 1, 60), "a")
    assert attempts == []


def test_limits_count_again_when_redis_is_back(no_redis, settings):
    limit = Limit("back", 1, 60)
    assert [passes(limit) for _ in range(3)] == [True, True, True]
    settings.REDIS_URL = no_redis
    forget_redis()  # the rest after the failure is over
    assert [passes(limit) for _ in range(3)] == [True, False, False]
