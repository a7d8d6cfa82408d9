"""A thousand phones with the SMSGate app that come back within one second, as after a restart."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import NamedTuple

from django.utils import timezone

from accounts.models import Tenant
from accounts.secrets import encrypt
from bench.errors import BenchError
from bench.figures import Figure, at_most
from bench.idle_phones import allow_files
from bench.load import Run
from bench.tenants import keep_online, open_sender, pair_phones
from bench.web import GATEWAY, running
from devices.models import Device
from integrations.phones.smsgate.models import PairedApp

PHONES = 1000
WITHIN_SECONDS = 1.0
_WARM_UP = 40
_PATIENCE_SECONDS = 30.0
_API = "/api/mobile/v1"
_STREAM_IS_OPEN = b":keepalive\n\n"


class Return(NamedTuple):
    """One phone's: seconds until its stream was open, and until it had its messages after that."""

    stream: float
    pull: float


def measure() -> list[Figure]:
    """Each phone opens its stream, and when that is open fetches its messages, as the app does."""
    allow_files(4 * PHONES)
    sender = open_sender()
    tokens = _pair(sender.tenant, _WARM_UP + PHONES)
    with running(GATEWAY) as web:
        asyncio.run(_come_back(web.port, tokens[:_WARM_UP]))
        keep_online(sender.tenant)
        returns = asyncio.run(_come_back(web.port, tokens[_WARM_UP:]))
    streams = Run([each.stream for each in returns], WITHIN_SECONDS)
    pulls = Run([each.pull for each in returns], WITHIN_SECONDS)
    label = f"{PHONES:,} SMSGate phones come back within {WITHIN_SECONDS:g} s"
    return [
        Figure("smsgate.stream", f"{label}: stream open, p99", streams.quantile(0.99) * 1e3, "ms"),
        Figure(
            "smsgate.pull",
            "  messages fetched after that, p99",
            pulls.quantile(0.99) * 1e3,
            "ms",
            at_most(2000),
        ),
    ]


async def _come_back(port: int, tokens: list[str]) -> list[Return]:
    """All phones, spread evenly over the second. Raises BenchError at the first error."""
    started = time.perf_counter()
    writers: list[asyncio.StreamWriter] = []

    async def come_back(number: int, token: str) -> Return:
        start = started + WITHIN_SECONDS * number / len(tokens)
        await asyncio.sleep(max(0.0, start - time.perf_counter()))
        asked_at = time.perf_counter()
        writers.append(await _open_stream(port, token))
        open_at = time.perf_counter()
        await _pull(port, token)
        return Return(open_at - asked_at, time.perf_counter() - open_at)

    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            returns = await asyncio.gather(*map(come_back, range(len(tokens)), tokens))
    except (TimeoutError, OSError) as error:
        raise BenchError(f"Phones did not come back: {error!r}") from error
    for writer in writers:
        writer.close()
    return returns


async def _open_stream(port: int, token: str) -> asyncio.StreamWriter:
    reader, writer = await _ask(port, token, "/events")
    await _expect_200(reader)
    try:
        await reader.readuntil(_STREAM_IS_OPEN)
    except asyncio.IncompleteReadError as error:
        raise BenchError("A stream ended at once.") from error
    return writer


async def _pull(port: int, token: str) -> None:
    reader, writer = await _ask(port, token, "/message?order=fifo")
    await _expect_200(reader)
    body = await reader.read(2)
    writer.close()
    if body != b"[]":
        raise BenchError(f"A phone fetched {body!r}.")


async def _ask(
    port: int, token: str, path: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET {_API}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
        "User-Agent: me.capcom.smsgateway/1.68.0\r\n\r\n".encode()
    )
    return reader, writer


async def _expect_200(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise BenchError(head.partition(b"\r\n")[0].decode())


def _pair(tenant: Tenant, count: int) -> list[str]:
    """Tokens of phones whose streams were open a moment ago."""
    tokens = pair_phones(tenant, count)
    key, seen_at = encrypt("bench"), timezone.now() - timedelta(seconds=10)
    PairedApp.objects.bulk_create(
        PairedApp(device=device, app_version="1.68.0", signing_key=key, stream_seen_at=seen_at)
        for device in Device.objects.filter(tenant=tenant)
    )
    return tokens
