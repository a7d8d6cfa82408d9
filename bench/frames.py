"""From the POST to the frame at the phone, at a steady 50 messages per second."""

import asyncio
import time
from contextlib import suppress

from bench.connection import Connection
from bench.database import empty_tables
from bench.errors import BenchError
from bench.figures import Figure, at_most
from bench.load import Run
from bench.phones import Phone
from bench.requests import message, post, recipient
from bench.tenants import open_sender, pair_phones
from bench.web import GATEWAY, WebServer, running

RATE = 50
SECONDS = 20
CONNECTIONS = 4
WARM_UP = 100  # messages
_LAST_FRAME_SECONDS = 10.0


def measure() -> list[Figure]:
    """One process and one clock: sends on threads, receives on an event loop."""
    sender = open_sender()
    (token,) = pair_phones(sender.tenant, 1)
    empty_tables()
    with running(GATEWAY) as web:
        run = asyncio.run(_measure(web, token, sender.api_key))
    label = f"POST -> frame at the phone at {RATE}/s"
    return [
        Figure("frame.p50", f"{label}: p50", run.quantile(0.5) * 1e3, "ms", at_most(15)),
        Figure("frame.p99", f"{label}: p99", run.quantile(0.99) * 1e3, "ms", at_most(60)),
    ]


async def _measure(web: WebServer, token: str, api_key: str) -> Run:
    arrived: dict[str, float] = {}
    phone = await Phone.join(web.connect(1)[0], token)
    taking = asyncio.create_task(phone.take(arrived.setdefault))
    sent = await _send(web.connect(CONNECTIONS), api_key)
    deadline = time.monotonic() + _LAST_FRAME_SECONDS
    while len(arrived) < len(sent) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    await phone.leave()
    with suppress(asyncio.CancelledError):
        await taking
    missing = len(sent.keys() - arrived.keys())
    if missing:
        raise BenchError(f"{missing} of {len(sent)} messages did not reach the phone.")
    measured = [recipient(number) for number in range(WARM_UP, len(sent))]
    return Run([arrived[number] - sent[number] for number in measured], SECONDS)


async def _send(connections: list[Connection], api_key: str) -> dict[str, float]:
    """Recipient -> when its POST was written."""
    numbers = range(WARM_UP + RATE * SECONDS)
    started = time.perf_counter()
    sent: dict[str, float] = {}

    def post_paced(connection: Connection, mine: range) -> None:
        for number in mine:
            request = post(api_key, "/v1/messages", message(number))
            time.sleep(max(0.0, started + number / RATE - time.perf_counter()))
            connection.exchange(request)
            sent[recipient(number)] = connection.sent_at
        connection.close()

    await asyncio.gather(
        *(
            asyncio.to_thread(post_paced, connection, numbers[place::CONNECTIONS])
            for place, connection in enumerate(connections)
        )
    )
    return sent
