"""The scripted gateway over HTTP: as `FakeGateway`, with requests and one that waits."""

import asyncio
from contextlib import suppress
from typing import Any

import msgspec

from agent.tests.gateway import FakeGateway

# What stands for the close codes of a socket.
STATUS = {4401: 401, 4403: 403, 4409: 429}
PATH = "/v1/device/frames"


class FakeHttpGateway(FakeGateway):
    """Asked for a socket, it answers as a proxy that knows no WebSockets."""

    transport = "http"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.upgrades = 0  # how often a socket was asked for
        self.is_asked_for_news = False
        self._untold: list[dict[str, Any]] = []
        self._closes: list[tuple[int, str]] = []
        self._has_more = asyncio.Condition()
        self._requests: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        self._http = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._http.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        self._http.close()
        for request in self._requests:
            request.cancel()
        await asyncio.gather(*self._requests, return_exceptions=True)

    async def send(self, frame: dict[str, Any]) -> None:
        self.settings = frame.get("settings", self.settings)
        async with self._has_more:
            self._untold.append(frame)
            self._has_more.notify_all()

    async def close_socket(self, code: int = 1012, reason: str = "") -> None:
        """Refuse the request that waits, or the next that would."""
        async with self._has_more:
            self._closes.append((code, reason))
            self._has_more.notify_all()

    def answers_to(self, frame: dict[str, Any]) -> list[dict[str, Any]]:
        """With the settings after every heartbeat."""
        answers = super().answers_to(frame)
        if frame["type"] == "heartbeat":
            answers.append({"type": "settings", "settings": self.settings})
        return answers

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = asyncio.ensure_future(self._respond(reader))
        self._requests.add(request)
        with suppress(OSError, EOFError, asyncio.CancelledError):
            status, answer = await request
            body = msgspec.json.encode(answer)
            head = f"HTTP/1.1 {status} -\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
            writer.write(f"{head}\r\n".encode() + body)
            await writer.drain()
        self._requests.discard(request)
        writer.close()

    async def _respond(self, reader: asyncio.StreamReader) -> tuple[int, Any]:
        """(status, content) of the answer to the request that comes."""
        request, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): text for name, _, text in (line.partition(": ") for line in lines)}
        if "upgrade" in headers:
            self.upgrades += 1
            return 502, "Bad gateway"
        if request == "GET /livez HTTP/1.1":
            return 200, "ok"
        self.authorizations.append(headers["authorization"])
        if request == f"GET {PATH}?wait=25 HTTP/1.1":
            return await self._tell(reader)
        assert request == f"POST {PATH} HTTP/1.1"
        body = await reader.readexactly(int(headers["content-length"]))
        return await self._hear(msgspec.json.decode(body))

    async def _hear(self, frames: list[dict[str, Any]]) -> tuple[int, Any]:
        answers: list[dict[str, Any]] = []
        for frame in frames:
            is_refused = frame["type"] == "hello" and self.refuses_to_greet(frame)
            for answer in [] if is_refused else self.answers_to(frame):
                if answer["type"] == "message.send":
                    await self.send(answer)
                else:
                    answers.append(answer)
            await self.note(frame)
            if is_refused:
                assert self.greeting_close is not None
                return _refusal(*self.greeting_close)
        return 200, answers

    async def _tell(self, reader: asyncio.StreamReader) -> tuple[int, Any]:
        """What the phone is to hear, as soon as there is some and if it is still there."""
        leaving = asyncio.ensure_future(reader.read())
        more = asyncio.ensure_future(self._more())
        self.is_asked_for_news = True
        async with self._news:
            self._news.notify_all()
        try:
            await asyncio.wait({leaving, more}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                raise EOFError
            if self._closes:
                return _refusal(*self._closes.pop())
            untold, self._untold = self._untold, []
            return 200, untold
        finally:
            self.is_asked_for_news = False
            leaving.cancel()
            more.cancel()

    async def _more(self) -> None:
        async with self._has_more:
            await self._has_more.wait_for(lambda: self._untold or self._closes)


def _refusal(code: int, reason: str) -> tuple[int, Any]:
    return STATUS.get(code, 503), {"error": reason, "message": "", "requestId": ""}
