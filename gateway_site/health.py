"""`/livez`: the process answers. `/readyz`: what it needs is there."""

import time
from collections.abc import Callable
from functools import partial

import structlog
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse

from accounts.redis import connection as redis_connection
from gateway_site.tasks import canary_key

log = structlog.get_logger(__name__)

CANARY_MAX_AGE_SECONDS = 90


def livez(request: HttpRequest) -> JsonResponse:
    """200 as long as this process answers."""
    return JsonResponse({"ok": True})


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, migrations, Redis and a worker are there, else 503 and what is missing."""
    found = problems()
    checks = {
        name: {"ok": not problem, **({"problem": problem} if problem else {})}
        for name, problem in found.items()
    }
    is_ready = not any(found.values())
    return JsonResponse({"ok": is_ready, "checks": checks}, status=200 if is_ready else 503)


def problems() -> dict[str, str]:
    """What is needed -> what is wrong with it, or nothing. Named in `READINESS_REPORTERS`."""
    return {name: _problem(name, check) for name, check in _CHECKS.items()}


def _problem(name: str, check: Callable[[], str]) -> str:
    try:
        return check()
    except Exception as error:  # whatever the other side answers is "not ready"
        log.warning("not ready", check=name, error=repr(error))
        return "cannot be reached; the log says why"


def _database() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return ""


def _migrations() -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return f"{len(missing)} migrations are not applied; run manage.py migrate" if missing else ""


def _redis() -> str:
    redis_connection().ping()
    return ""


def _taking(queue: str) -> str:
    """The canary sings every ten seconds, through beat, broker and worker."""
    sung_at = redis_connection().get(canary_key(queue))
    if sung_at is None:
        return "no worker has run anything yet"
    age = int(time.time()) - int(str(sung_at))
    return f"no worker has run anything for {age} s" if age > CANARY_MAX_AGE_SECONDS else ""


_CHECKS: dict[str, Callable[[], str]] = {
    "database": _database,
    "migrations": _migrations,
    "redis": _redis,
    "worker": partial(_taking, "default"),
    "webhooks": partial(_taking, "webhooks"),
}
