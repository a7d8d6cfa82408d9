"""From an inbound text at the phone to the first byte of its webhook, at a steady 50 a second."""

import asyncio
import time
from contextlib import suppress

from accounts.models import Tenant
from bench.database import empty_tables, postmaster_pid
from bench.errors import BenchError
from bench.figures import Figure, at_most
from bench.load import Run, metered
from bench.phones import Phone
from bench.receiver import Receiver
from bench.requests import recipient
from bench.tenants import add_endpoint, open_sender, pair_phones
from bench.web import GATEWAY, WebServer, running
from bench.webhook_worker import delivering
from gateway_site.settings import WEBHOOK_THREADS

RATE = 50
SECONDS = 20
WARM_UP = 100  # messages
_LAST_WEBHOOK_SECONDS = 20.0


def measure() -> list[Figure]:
    """One process and one clock: it is the phone and the receiver."""
    sender = open_sender()
    (token,) = pair_phones(sender.tenant, 1)
    empty_tables()
    with running(GATEWAY) as web, delivering(threads=WEBHOOK_THREADS) as worker:
        servers = {"web": web.pid, "webhooks": worker, "postgresql": postmaster_pid()}
        run = metered(lambda: asyncio.run(_measure(web, token, sender.tenant)), servers)
    label = f"inbound frame -> first byte of the webhook at {RATE}/s"
    return [
        *(
            Figure(
                f"inbound.cpu.{name}",
                f"  CPU for each: {name}",
                run.cpu_per_request(name) * 1e3,
                "ms",
            )
            for name in servers
        ),
        Figure("inbound.p50", f"{label}: p50", run.quantile(0.5) * 1e3, "ms", at_most(60)),
        Figure("inbound.p99", f"{label}: p99", run.quantile(0.99) * 1e3, "ms", at_most(500)),
    ]


async def _measure(web: WebServer, token: str, tenant: Tenant) -> Run:
    arrived: dict[str, float] = {}
    async with Receiver(lambda _, body, at: arrived.setdefault(body["from"], at)) as receiver:
        await asyncio.to_thread(add_endpoint, tenant, receiver.url("/hook"))
        phone = await Phone.join(web.connect(1)[0], token)
        taking = asyncio.create_task(phone.take(lambda *_: None))
        brought = await _bring(phone)
        deadline = time.monotonic() + _LAST_WEBHOOK_SECONDS
        while len(arrived) < len(brought) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        await phone.leave()
        with suppress(asyncio.CancelledError):
            await taking
    missing = len(brought.keys() - arrived.keys())
    if missing:
        raise BenchError(f"{missing} of {len(brought)} texts did not reach the receiver.")
    measured = [recipient(number) for number in range(WARM_UP, len(brought))]
    return Run([arrived[number] - brought[number] for number in measured], SECONDS)


async def _bring(phone: Phone) -> dict[str, float]:
    """Sender -> when its frame was written."""
    started = time.perf_counter()
    brought: dict[str, float] = {}
    for number in range(WARM_UP + RATE * SECONDS):
        await asyncio.sleep(max(0.0, started + number / RATE - time.perf_counter()))
        brought[recipient(number)] = time.perf_counter()
        await phone.bring(recipient(number), f"Inbound {number}")
    return brought
