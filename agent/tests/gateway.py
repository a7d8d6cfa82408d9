"""A scripted gateway on a loopback port: it records what the phone says and answers as told."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from agent.client import Timing
from agent.frames import encode
from agent.identity import Identity, save
from agent.line import Transport
from agent.radios.base import Radio
from agent.radios.sent_log import FILE_NAME, SentLine
from agent.radios.simulated import SimulatedOptions, SimulatedRadio
from agent.runner import run_agent
from agent.transports import TRANSPORTS

TOKEN = "dt_of_the_tests"
DEADLINE_SECONDS = 15
FAST = Timing(
    first_wait=0.02,
    longest_wait=0.1,
    stable_after=5,
    suspended_wait=0.05,
    welcome_timeout=1,
    repeat_after=0.2,
)
QUICK_PHONE = SimulatedOptions(delay_ms=0, report_delay_ms=0)
HEARTBEATS_ARE_RARE = {"heartbeat_seconds": 60, "window_per_sim": 20, "sims": []}


class FakeGateway:
    """`async with FakeGateway() as gateway`. Change its attributes to change what it does."""

    transport = "socket"  # which the phone is to use

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.settings: dict[str, Any] = HEARTBEATS_ARE_RARE
        self.greeting_close: tuple[int, str] | None = None  # instead of a welcome
        self.close_at_once: tuple[int, str] | None = None  # without waiting for a hello
        self.date: str | None = None  # the clock of its plain HTTP answers
        self.is_silent = False  # neither welcome nor close
        self.offers_at_hello: list[dict[str, Any]] = []
        self.wants_to_ack: Callable[[dict[str, Any]], bool] = lambda frame: True
        self.received: list[dict[str, Any]] = []
        self.hello_at: list[float] = []  # seconds, monotonic
        self.authorizations: list[str] = []
        self._news = asyncio.Condition()
        self._server: Server | None = None
        self._socket: ServerConnection | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    async def start(self) -> None:
        self._server = await serve(
            self._talk, "127.0.0.1", self.port, process_request=self._answer_plain_http
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def send(self, frame: dict[str, Any]) -> None:
        assert self._socket is not None
        await self._socket.send(encode(frame))

    async def offer(self, attempt_id: str, to: str = "+6591234567", **fields: Any) -> None:
        await self.send(offer(attempt_id, to, **fields))

    async def close_socket(self, code: int = 1012, reason: str = "") -> None:
        assert self._socket is not None
        await self._socket.close(code, reason)

    def of_type(self, *types: str) -> list[dict[str, Any]]:
        """The frames received of these types, in order, repeats included."""
        return [frame for frame in self.received if frame["type"] in types]

    def facts(self, attempt_id: str) -> list[str]:
        """What was told about an attempt, in order and each fact once."""
        by_id = {f["id"]: f["type"] for f in self.received if f.get("attempt_id") == attempt_id}
        return list(by_id.values())

    async def offer_until(self, attempt_id: str, condition: Callable[[], object]) -> None:
        """Offer again and again: a fact whose ack is on its way is not repeated for an offer."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not condition():
                await self.offer(attempt_id)
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await self.until(condition)

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until the condition holds after some frame."""
        async with asyncio.timeout(DEADLINE_SECONDS), self._news:
            await self._news.wait_for(condition)

    async def until_received(self, type_name: str, count: int = 1) -> list[dict[str, Any]]:
        await self.until(lambda: len(self.of_type(type_name)) >= count)
        return self.of_type(type_name)

    def _answer_plain_http(self, socket: ServerConnection, request: Request) -> Response | None:
        if request.path != "/livez":
            return None
        answer = socket.respond(HTTPStatus.OK, "ok\n")
        if self.date is not None:
            del answer.headers["Date"]
            answer.headers["Date"] = self.date
        return answer

    async def _talk(self, socket: ServerConnection) -> None:
        self._socket = socket
        if self.close_at_once is not None:
            await socket.close(*self.close_at_once)
            return
        assert socket.request is not None
        self.authorizations.append(socket.request.headers["Authorization"])
        with suppress(ConnectionClosed):
            async for raw in socket:
                frame = msgspec.json.decode(raw)
                if frame["type"] == "hello" and self.refuses_to_greet(frame):
                    assert self.greeting_close is not None
                    await socket.close(*self.greeting_close)
                else:
                    for answer in self.answers_to(frame):
                        await socket.send(encode(answer))
                await self.note(frame)

    def refuses_to_greet(self, hello: dict[str, Any]) -> bool:
        """Whether the phone that says `hello` is told to go."""
        self.hello_at.append(time.monotonic())
        return self.greeting_close is not None and not self.is_silent

    def answers_to(self, frame: dict[str, Any]) -> list[dict[str, Any]]:
        """What is said when a phone says `frame`."""
        if frame["type"] == "hello":
            if self.is_silent:
                return []
            welcome = {"type": "welcome", "reply_to": frame["id"], "protocol": 1}
            named = {"device_id": "dev_1", "name": "Front desk", "settings": self.settings}
            return [welcome | named, *self.offers_at_hello]
        return [{"type": "ack", "id": frame["id"]}] if self._is_acked(frame) else []

    async def note(self, frame: dict[str, Any]) -> None:
        """Remember what the phone said."""
        async with self._news:
            self.received.append(frame)
            self._news.notify_all()

    def _is_acked(self, frame: dict[str, Any]) -> bool:
        return "id" in frame and self.wants_to_ack(frame)


def offer(attempt_id: str, to: str = "+6591234567", **fields: Any) -> dict[str, Any]:
    """A `message.send` with everything that the protocol asks for."""
    plain = {"text": "Hello", "sim": 1, "segments": 1, "encoding": "gsm7", "expires_in_ms": None}
    return {"type": "message.send", "attempt_id": attempt_id, "to": to} | plain | fields


def identity_for(gateway: FakeGateway) -> Identity:
    address = f"127.0.0.1:{gateway.port}"
    return Identity(f"http://{address}", f"ws://{address}/ws/device", TOKEN, "dev_1", "Front desk")


def paired_folder(gateway: FakeGateway, data_dir: Path) -> Path:
    """A data folder as `agent pair` leaves it."""
    save(data_dir, identity_for(gateway))
    return data_dir


def sent_lines(data_dir: Path) -> list[SentLine]:
    """The radio log: the truth of what left the phone."""
    path = data_dir / FILE_NAME
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=SentLine) for line in lines]


def sent_ids(data_dir: Path) -> list[str]:
    return [line.attempt_id for line in sent_lines(data_dir)]


async def until(condition: Callable[[], object]) -> None:
    """Poll for what no frame tells: a line in a file, a line in a log."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not condition():
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running_agent(
    gateway: FakeGateway,
    data_dir: Path,
    phone: SimulatedOptions = QUICK_PHONE,
    radio: Radio | None = None,
    timing: Timing = FAST,
    transport: Transport | None = None,
) -> AsyncIterator[asyncio.Task[None]]:
    """An agent in this process, stopped as by SIGTERM at the end; yields its task."""
    radio = radio or SimulatedRadio(data_dir, phone)
    transport = transport or TRANSPORTS[gateway.transport]()
    agent = asyncio.create_task(
        run_agent(identity_for(gateway), data_dir, radio, timing, transport)
    )
    try:
        yield agent
    finally:
        agent.cancel()
        with suppress(asyncio.CancelledError):
            await agent
