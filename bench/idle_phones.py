"""What a thousand phones that do nothing cost in memory."""

import asyncio
import resource

from bench.figures import Figure, at_most
from bench.phones import Phone
from bench.processes import resident_bytes
from bench.tenants import open_sender, pair_phones
from bench.web import GATEWAY, WebServer, running

PHONES = 1000
_WARM_UP = 20
_AT_ONCE = 50
_FILES = 2 * PHONES + 200


def measure() -> list[Figure]:
    """Memory of the web processes before and after, per socket."""
    allow_files(_FILES)
    sender = open_sender()
    tokens = pair_phones(sender.tenant, _WARM_UP + PHONES)
    with running(GATEWAY) as web:
        idle, beating = asyncio.run(_measure(web, tokens))
    label = f"{PHONES:,} idle phones: memory of a socket"
    return [
        Figure("socket.bytes", label, idle / 1e3, "kB", at_most(60)),
        Figure("socket.beating", "  after a heartbeat of each", beating / 1e3, "kB", at_most(60)),
    ]


async def _measure(web: WebServer, tokens: list[str]) -> tuple[float, float]:
    """Bytes per socket, before and after a heartbeat of each."""
    # Threads, connections to the database and caches come with the first phones, not with each.
    first = await _join(web, tokens[:_WARM_UP])
    await asyncio.gather(*(phone.beat() for phone in first))
    await asyncio.gather(*(phone.leave() for phone in first))
    before = resident_bytes(web.pid)
    phones = await _join(web, tokens[_WARM_UP:])
    idle = resident_bytes(web.pid) - before
    for start in range(0, PHONES, _AT_ONCE):
        await asyncio.gather(*(phone.beat() for phone in phones[start : start + _AT_ONCE]))
    beating = resident_bytes(web.pid) - before
    await asyncio.gather(*(phone.leave() for phone in phones))
    return idle / PHONES, beating / PHONES


async def _join(web: WebServer, tokens: list[str]) -> list[Phone]:
    """A phone for each token, `_AT_ONCE` at a time, the same number on each web process."""
    phones: list[Phone] = []
    for start in range(0, len(tokens), _AT_ONCE):
        some = tokens[start : start + _AT_ONCE]
        connections = await asyncio.to_thread(web.connect, len(some))
        pairs = zip(connections, some, strict=True)
        phones += await asyncio.gather(*(Phone.join(*pair) for pair in pairs))
    return phones


def allow_files(count: int) -> None:
    """Raise the limit of open files, which the web server inherits, if it is too low."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))
