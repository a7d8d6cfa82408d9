"""A phone without a socket, for tests of the gateway's end: requests and a long poll."""

import asyncio
import json
from collections import deque
from contextlib import suppress
from typing import Any, NamedTuple

from asgiref.testing import ApplicationCommunicator

from devices.tests.sockets import HELLO, SECONDS
from gateway_site.asgi import application

PATH = "/v1/device/frames"
# What a socket has one word for.
SAME = {"temporarily_unavailable": "internal_error"}


class Answer(NamedTuple):
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: Any

    @property
    def error(self) -> str:
        return self.body["error"]


class Request:
    """One HTTP request to the gateway, made with `token`."""

    def __init__(
        self, token: str, method: str, query: str = "", body: bytes = b"", **headers: str
    ) -> None:
        given = {"host": "localhost", "content-type": "application/json"}
        if token:
            given["authorization"] = f"Bearer {token}"
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        self._body = body
        self._gateway = ApplicationCommunicator(
            application,
            {
                "type": "http",
                "method": method,
                "path": PATH,
                "query_string": query.encode(),
                "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            },
        )

    async def begin(self) -> "Request":
        """Send it."""
        await self._gateway.send_input({"type": "http.request", "body": self._body})
        return self

    async def answer(self, seconds: float = SECONDS) -> Answer:
        """All of the answer."""
        start = await self._gateway.receive_output(seconds)
        body = b""
        while True:
            piece = await self._gateway.receive_output(seconds)
            body += piece.get("body", b"")
            if not piece.get("more_body", False):
                break
        await self._gateway.wait(seconds)
        headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], headers, json.loads(body) if body else None)

    async def leave(self) -> None:
        """Hang up before the answer."""
        await self._gateway.send_input({"type": "http.disconnect"})
        await self._gateway.wait(SECONDS)


async def ask(token: str, method: str, query: str = "", body: object = None, **headers: str):
    """The answer to one request; `body` as JSON unless it is bytes."""
    content = (
        body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
    )
    return await (await Request(token, method, query, content, **headers).begin()).answer()


class PhoneOverHttp:
    """Does what `PhoneSocket` does, with a request for each frame and one that waits.

    As a phone with a journal it does not take an offer twice, nor settings that it has.
    """

    def __init__(self, token: str = "") -> None:
        self._token = token
        self._answers: deque[dict[str, Any]] = deque()
        self._offered: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._refusal: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._known: set[str] = set()
        self._settings: dict[str, Any] = {}
        self._poll: asyncio.Task[None] | None = None
        self._has_left = False

    async def open(self) -> "PhoneOverHttp":
        """Begin to wait for frames."""
        self._poll = asyncio.create_task(self._wait_for_frames())
        return self

    async def ready(self, **told: Any) -> "PhoneOverHttp":
        """Introduce itself, and begin to wait for frames."""
        welcome = await self.ask(HELLO | told)
        assert welcome["type"] == "welcome"
        return await self.open()

    async def ask(self, frame: dict[str, Any] | str) -> dict[str, Any]:
        """Send one frame and read one."""
        await self.tell(frame)
        return await self.hear()

    async def tell(self, frame: dict[str, Any] | str) -> None:
        """Send one frame: JSON, or text as it is."""
        text = frame if isinstance(frame, str) else json.dumps(frame)
        answer = await ask(self._token, "POST", body=f"[{text}]".encode())
        if answer.status == 200:
            self._answers += [frame for frame in answer.body if self._is_news(frame)]
        else:
            self._refuse(answer)

    async def hear(self) -> dict[str, Any]:
        """The next frame."""
        if self._answers:
            return self._answers.popleft()
        async with asyncio.timeout(SECONDS):
            return await self._offered.get()

    async def refused(self) -> str:
        """Wait until the gateway refuses it; the error's code."""
        async with asyncio.timeout(SECONDS):
            return await self._refusal

    async def is_silent(self) -> bool:
        """Whether nothing comes for a moment."""
        if not self._answers and self._offered.empty():
            await asyncio.sleep(0.2)
        return not self._answers and self._offered.empty()

    async def leave(self) -> None:
        """Hang up, as a phone that goes out of reach."""
        self._has_left = True
        if self._poll is not None:
            self._poll.cancel()
            with suppress(asyncio.CancelledError):
                await self._poll

    async def _wait_for_frames(self) -> None:
        while not self._has_left:  # asgiref's communicator may swallow the cancellation
            request = await Request(self._token, "GET", "wait=5").begin()
            try:
                answer = await request.answer()
            except asyncio.CancelledError:
                await request.leave()
                raise
            if answer.status != 200:
                self._refuse(answer)
                return
            for frame in answer.body:
                if self._is_news(frame):
                    self._offered.put_nowait(frame)

    def _refuse(self, answer: Answer) -> None:
        if not self._refusal.done():
            self._refusal.set_result(SAME.get(answer.error, answer.error))

    def _is_news(self, frame: dict[str, Any]) -> bool:
        if "settings" in frame:
            is_news = frame["settings"] != self._settings or frame["type"] == "welcome"
            self._settings = frame["settings"]
            return is_news
        if frame["type"] == "message.send":
            is_news = frame["attempt_id"] not in self._known
            self._known.add(frame["attempt_id"])
            return is_news
        return True
