"""`/livez` and `/readyz`."""

import socket
import time

import pytest
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder

from accounts import redis
from gateway_site.health import CANARY_MAX_AGE_SECONDS
from gateway_site.tasks import canary_key, sing

pytestmark = pytest.mark.usefixtures("db")


@pytest.fixture(autouse=True)
def canary():
    """Both workers have just run something."""
    sing("default")
    sing("webhooks")


@pytest.fixture
def no_redis(settings):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings.REDIS_URL = f"redis://127.0.0.1:{unused.getsockname()[1]}/0"
        redis.connection.cache_clear()
        yield
    redis.connection.cache_clear()


def not_ok(client) -> tuple[int, bool, set[str]]:
    """(status, ok, names of the parts that are missing)."""
    answer = client.get("/readyz")
    told = answer.json()
    missing = {name for name, check in told["checks"].items() if not check["ok"]}
    assert {name for name, check in told["checks"].items() if "problem" in check} == missing
    assert set(told["checks"]) == {"database", "migrations", "redis", "worker", "webhooks"}
    return answer.status_code, told["ok"], missing


def test_ready_when_every_part_is_there(client):
    assert not_ok(client) == (200, True, set())


@pytest.mark.parametrize(("queue", "part"), [("default", "worker"), ("webhooks", "webhooks")])
def test_not_ready_without_a_canary(client, queue, part):
    redis.connection().delete(canary_key(queue))
    assert not_ok(client) == (503, False, {part})


@pytest.mark.parametrize(("late", "status"), [(-2, 200), (2, 503)])
def test_not_ready_when_the_canary_has_been_silent_for_long(client, late, status):
    sung_at = int(time.time()) - CANARY_MAX_AGE_SECONDS - late
    redis.connection().set(canary_key("default"), sung_at)
    assert not_ok(client)[0] == status


def test_not_ready_when_a_migration_is_missing(client):
    MigrationRecorder(connection).migration_qs.filter(app="messaging").delete()
    assert not_ok(client) == (503, False, {"migrations"})


@pytest.mark.usefixtures("no_redis")
def test_not_ready_without_redis(client):
    assert not_ok(client) == (503, False, {"redis", "worker", "webhooks"})


def test_not_ready_without_the_database(client):
    # Nothing answers in a transaction that has failed.
    with transaction.atomic():
        transaction.set_rollback(True)
        assert not_ok(client) == (503, False, {"database", "migrations"})


@pytest.mark.usefixtures("no_redis")
def test_alive_without_anything(client, django_assert_num_queries):
    with django_assert_num_queries(0):
        answer = client.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
