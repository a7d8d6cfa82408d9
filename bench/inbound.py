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
        # The worker is still starting when the first texts come; a steady rate begins after them.
        await _all_in(arrived, await _bring(phone, range(WARM_UP)))
        brought = await _bring(phone, range(WARM_UP, WARM_UP + RATE * SECONDS))
        await _all_in(arrived, brought)
        await phone.leave()
        with suppress(asyncio.CancelledError):
            await taking
    return Run([arrived[number] - at for number, at in brought.items()], SECONDS)


async def _bring(phone: Phone, numbers: range) -> dict[str, float]:
    """Sender -> when its frame was written."""
    started = time.perf_counter()
    brought: dict[str, float] = {}
    for position, number in enumerate(numbers):
        await asyncio.sleep(max(0.0, started + position / RATE - time.perf_counter()))
        brought[recipient(number)] = time.perf_counter()
        await phone.bring(recipient(number), f"Inbound {number}")
    return brought


async def _all_in(arrived: dict[str, float], brought: dict[str, float]) -> None:
    """Wait until the webhook of every text that was brought has begun to arrive.

    Raises BenchError when one did not come within `_LAST_WEBHOOK_SECONDS` of the last.
    """
    deadline = time.monotonic() + _LAST_WEBHOOK_SECONDS
    while missing := brought.keys() - arrived.keys():
        if time.monotonic() > deadline:
            raise BenchError(f"{len(missing)} of {len(brought)} texts did not reach the receiver.")
        await asyncio.sleep(0.01)
