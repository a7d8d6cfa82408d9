"""Webhooks to slow receivers: how many a second, and what one dead receiver does to the others."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

from django.db import transaction
from django.utils import timezone

from accounts.models import Tenant
from bench.database import empty_tables
from bench.errors import BenchError
from bench.figures import Figure, Ratio, at_least, at_most
from bench.load import Run
from bench.receiver import Receiver
from bench.tenants import add_endpoint, open_sender
from bench.webhook_worker import delivering
from gateway_site.settings import WEBHOOK_THREADS
from messaging.events import ContactUnsubscribed, publish

ANSWER_SECONDS = 0.1
ENDPOINTS = 20
BACKLOG = 60  # events, each to all endpoints
PACED_EVENTS, PACED_RATE = 60, 2  # events, each to all endpoints; events a second
_EVENT = "contact.unsubscribed"
_PATIENCE_SECONDS = 60.0

RATIOS = (
    Ratio(
        f"deliveries/s on {WEBHOOK_THREADS} threads / on one",
        "deliveries.rate",
        "deliveries.serial",
        at_least(15),
    ),
    Ratio(
        "others' p99 beside a dead endpoint / without it",
        "deliveries.p99_beside_dead",
        "deliveries.p99",
        at_most(2),
    ),
)


def measure() -> list[Figure]:
    """A backlog drained by one thread and by all; a stream without and with a dead endpoint."""
    serial = asyncio.run(_drain(threads=1, events=BACKLOG // 20))
    rate = asyncio.run(_drain(threads=WEBHOOK_THREADS, events=BACKLOG))
    alone = asyncio.run(_stream(has_dead=False))
    beside = asyncio.run(_stream(has_dead=True))
    receivers = f"{ENDPOINTS} receivers of {ANSWER_SECONDS * 1e3:.0f} ms"
    return [
        Figure("deliveries.serial", f"deliveries on one thread, {receivers}", serial, "1/s"),
        Figure("deliveries.rate", f"deliveries on {WEBHOOK_THREADS} threads", rate, "1/s"),
        Figure("deliveries.p99", "event -> receiver: p99", alone.quantile(0.99) * 1e3, "ms"),
        Figure(
            "deliveries.p99_beside_dead",
            "the same beside one that never answers",
            beside.quantile(0.99) * 1e3,
            "ms",
        ),
    ]


async def _drain(*, threads: int, events: int) -> float:
    """Deliveries a second of what had piled up before the worker was there."""
    times: list[float] = []
    async with Receiver(lambda _p, _b, at: times.append(at), delay=ANSWER_SECONDS) as receiver:
        tenant = await asyncio.to_thread(_open, receiver)
        for number in range(events):
            await asyncio.to_thread(_publish, tenant, number)
        with delivering(threads=threads):
            await _until(lambda: len(times) >= events * ENDPOINTS)
    return (len(times) - 1) / (max(times) - min(times))


async def _stream(*, has_dead: bool) -> Run:
    """Latencies at the healthy endpoints, which are all but the first."""
    arrived: dict[str, dict[str, float]] = defaultdict(dict)

    def note(path: str, body: dict[str, str], at: float) -> None:
        arrived[path].setdefault(body["from"], at)

    async with Receiver(note, delay=ANSWER_SECONDS) as receiver:
        tenant = await asyncio.to_thread(_open, receiver)
        receiver.dead = {_path(0)} if has_dead else set()
        with delivering(threads=WEBHOOK_THREADS):
            published = await _publish_paced(tenant)
            healthy = [_path(number) for number in range(1, ENDPOINTS)]
            await _until(lambda: all(len(arrived[path]) == len(published) for path in healthy))
    latencies = [
        arrived[path][number] - at
        for path in healthy
        for number, at in list(published.items())[PACED_EVENTS // 4 :]
    ]
    return Run(latencies, PACED_EVENTS / PACED_RATE)


async def _publish_paced(tenant: Tenant) -> dict[str, float]:
    """Number -> when its event was published."""
    started = time.perf_counter()
    published: dict[str, float] = {}
    for number in range(PACED_EVENTS):
        await asyncio.sleep(max(0.0, started + number / PACED_RATE - time.perf_counter()))
        published[_number(number)] = time.perf_counter()
        await asyncio.to_thread(_publish, tenant, number)
    return published


def _open(receiver: Receiver) -> Tenant:
    empty_tables()
    tenant = open_sender().tenant
    for number in range(ENDPOINTS):
        add_endpoint(tenant, receiver.url(_path(number)), _EVENT)
    return tenant


def _publish(tenant: Tenant, number: int) -> None:
    with transaction.atomic():
        publish(ContactUnsubscribed(tenant.pk, _number(number), "api", timezone.now()))


def _number(number: int) -> str:
    return f"+65812{number:05}"


def _path(number: int) -> str:
    return f"/{number}"


async def _until(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_done():
        if time.monotonic() > deadline:
            raise BenchError(f"Webhooks did not arrive within {_PATIENCE_SECONDS:g} s.")
        await asyncio.sleep(0.02)
