"""The line for networks that let no WebSocket through: requests, and one that waits for news."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from agent.http_client import Answer, Request, exchange_aside
from agent.identity import Identity
from agent.line import Closed, NoLine

PATH = "/v1/device/frames"
WAIT_SECONDS = 25
# What an exchange may take beyond the wait that was asked for.
PATIENCE_SECONDS = 20.0
# The gateway repeats an offer until it is accepted. So it is asked again when something was told
# to it, or when there was nothing to tell for so long.
SETTLE_SECONDS = 1.0
# What one request may carry.
MAX_FRAMES, MAX_BYTES = 100, 900_000


class _Refusal(msgspec.Struct):
    """The part of the gateway's error answers that is of interest."""

    error: str = ""


class HttpLine:
    """Open for as long as all requests succeed."""

    def __init__(self, identity: Identity) -> None:
        self._url = identity.url.rstrip("/") + PATH
        self._headers = {
            "Authorization": f"Bearer {identity.token}",
            "Content-Type": "application/json",
        }
        self._received: asyncio.Queue[bytes] = asyncio.Queue()
        self._told = asyncio.Event()
        self._worked = False
        self._end: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(self, frames: Sequence[str]) -> None:
        """Returns when the gateway has answered, so that what gathers meanwhile goes together."""
        for body in _bodies(frames):
            await self._exchange(Request(self._url, PATIENCE_SECONDS, body, self._headers))
        self._told.set()

    async def knock(self) -> None:
        """Tell nothing, only to see whether the gateway knows this phone."""
        await self._exchange(Request(self._url, PATIENCE_SECONDS, b"[]", self._headers))

    async def receive(self) -> bytes:
        if not self._received.empty():
            return self._received.get_nowait()
        frame = asyncio.ensure_future(self._received.get())
        either: set[asyncio.Future[Any]] = {frame, self._end}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not frame.done():
                self._end.result()  # raises
            return frame.result()
        finally:
            frame.cancel()

    async def listen(self) -> None:
        """Ask for news again and again, from the first frames that were told to the end."""
        url = f"{self._url}?wait={WAIT_SECONDS}"
        ask = Request(url, WAIT_SECONDS + PATIENCE_SECONDS, headers=self._headers)
        await self._told.wait()
        with suppress(Closed, NoLine):
            while True:
                if await self._exchange(ask):
                    self._told.clear()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(SETTLE_SECONDS):
                            await self._told.wait()

    def close(self, end: Closed | NoLine) -> None:
        """Let `receive` raise `end` once it has returned what came before."""
        if not self._end.done():
            self._end.set_exception(end)
            self._end.exception()  # it is no mistake if nobody receives any more

    async def _exchange(self, request: Request) -> int:
        """Make one request; how many frames came with the answer."""
        try:
            frames = _frames_in(await exchange_aside(request))
        except OSError as error:
            told = f"No connection to {self._url}: {error}"
            end: Closed | NoLine = Closed(told) if self._worked else NoLine(told)
            self.close(end)
            raise end from error
        except Closed as closed:
            self.close(closed)
            raise
        self._worked = True
        for frame in frames:
            self._received.put_nowait(bytes(frame))
        return len(frames)


class HttpTransport:
    """Opens lines over HTTP."""

    @asynccontextmanager
    async def open(self, identity: Identity) -> AsyncIterator[HttpLine]:
        line = HttpLine(identity)
        listening = asyncio.create_task(line.listen())
        try:
            yield line
        finally:
            listening.cancel()
            await asyncio.wait([listening])


def _bodies(frames: Sequence[str]) -> Iterator[bytes]:
    """`frames` as JSON arrays that the gateway takes."""
    batch: list[bytes] = []
    for frame in frames:
        raw = frame.encode()
        if len(batch) == MAX_FRAMES or sum(map(len, batch)) + len(raw) > MAX_BYTES:
            yield b"[" + b",".join(batch) + b"]"
            batch = []
        batch.append(raw)
    if batch:
        yield b"[" + b",".join(batch) + b"]"


def _frames_in(answer: Answer) -> list[msgspec.Raw]:
    """The frames of a good answer. Raises Closed for a refusal, OSError for what is neither."""
    try:
        if answer.status == 200:
            return msgspec.json.decode(answer.body, type=list[msgspec.Raw])
        refusal = msgspec.json.decode(answer.body, type=_Refusal).error
    except msgspec.DecodeError:
        raise OSError(f"HTTP {answer.status} from something that is no gateway") from None
    known = {401: "invalid_token", 403: "tenant_inactive", 429: "too_many_sockets"}
    if refusal and known.get(answer.status) == refusal:
        raise Closed(refusal, answer.retry_after)
    raise Closed(f"HTTP {answer.status} {refusal}", answer.retry_after)
