"""The ASGI application around Django's synchronous stack."""

import asyncio
import threading

import pytest
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from gateway_site.handler import ThreadedHandler

pytestmark = pytest.mark.urls(__name__)

MAX_BODY_BYTES = 100


def tell_length(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{len(request.read(1000))} {threading.current_thread().name[:4]}")


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(f"{threading.current_thread().name[:4]} " for _ in range(3))


def break_off(request: HttpRequest) -> StreamingHttpResponse:
    def pieces():
        yield "first"
        raise ZeroDivisionError

    return StreamingHttpResponse(pieces())


def wait(request: HttpRequest) -> StreamingHttpResponse:
    async def pieces():
        yield threading.current_thread().name[:4]
        try:
            await asyncio.Event().wait()
        finally:
            stopped.append(threading.current_thread().name[:4])

    return StreamingHttpResponse(pieces())


def count(request: HttpRequest) -> StreamingHttpResponse:
    async def pieces():
        yield "one "
        await asyncio.sleep(0)
        yield "two"

    return StreamingHttpResponse(pieces())


def crash(request: HttpRequest) -> HttpResponse:
    raise ZeroDivisionError


stopped: list[str] = []
urlpatterns = [
    path("wait", csrf_exempt(wait)),
    path("count", csrf_exempt(count)),
    path("length", csrf_exempt(tell_length)),
    path("stream", csrf_exempt(stream)),
    path("break-off", csrf_exempt(break_off)),
    path("v1/crash", csrf_exempt(crash)),
]
handler500 = "gateway_site.views.server_error"


@pytest.fixture
def handler():
    handler = ThreadedHandler(threads=2, max_body_bytes=MAX_BODY_BYTES)
    yield handler
    handler._threads.shutdown()


@pytest.fixture
def finished():
    """One entry for each request that Django was told the end of."""
    seen: list[bool] = []

    def note(**_) -> None:
        seen.append(True)

    request_finished.connect(note)
    yield seen
    request_finished.disconnect(note)


async def call(handler, where: str, *messages: dict, leaves_after: bytes = b"") -> list[dict]:
    """What the handler sends for a POST with the given ASGI messages.

    After them the client stays, unless it leaves as soon as it got a piece `leaves_after`.
    """
    waiting, sent, is_leaving = list(messages), [], asyncio.Event()

    async def receive() -> dict:
        if waiting:
            return waiting.pop(0)
        await is_leaving.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict) -> None:
        sent.append(message)
        if leaves_after and message.get("body") == leaves_after:
            is_leaving.set()

    scope = {
        "type": "http",
        "method": "POST",
        "path": where,
        "headers": [(b"host", b"localhost")],
        "query_string": b"",
    }
    await handler(scope, receive, send)
    return sent


def piece(body: bytes, *, more: bool = False) -> dict:
    return {"type": "http.request", "body": body, "more_body": more}


def body_of(sent: list[dict]) -> bytes:
    return b"".join(message.get("body", b"") for message in sent[1:])


async def test_body_in_pieces_is_whole_for_the_view_on_its_thread(handler, finished):
    sent = await call(
        handler, "/length", piece(b"abc", more=True), piece(b"", more=True), piece(b"de")
    )
    assert (sent[0]["status"], body_of(sent)) == (200, b"5 http")
    assert finished == [True]


@pytest.mark.parametrize("size", [MAX_BODY_BYTES, MAX_BODY_BYTES + 1, 100 * MAX_BODY_BYTES])
async def test_body_that_is_too_large_reaches_the_view_one_byte_too_long(handler, size):
    pieces = [piece(b"x" * 70, more=True)] * (size // 70)
    sent = await call(handler, "/length", *pieces, piece(b"x" * (size % 70)))
    assert body_of(sent) == b"%d http" % min(size, MAX_BODY_BYTES + 1)


async def test_client_that_leaves_before_the_end_of_its_body_is_not_served(handler, finished):
    sent = await call(handler, "/length", piece(b"abc", more=True), {"type": "http.disconnect"})
    assert (sent, finished) == ([], [])


async def test_stream_is_read_piece_by_piece_on_the_pools_threads(handler, finished):
    sent = await call(handler, "/stream", piece(b""))
    assert [message.get("body", b"") for message in sent[1:]] == [b"http ", b"http ", b"http ", b""]
    assert [message.get("more_body", False) for message in sent[1:]] == [True, True, True, False]
    assert finished == [True]


async def test_stream_that_breaks_off_ends_the_request_for_django_too(handler, finished):
    with pytest.raises(ZeroDivisionError):
        await call(handler, "/break-off", piece(b""))
    assert finished == [True]


async def test_asynchronous_stream_runs_on_the_loop_until_its_client_leaves(handler, finished):
    stopped.clear()
    sent = await call(handler, "/wait", piece(b""), leaves_after=b"Main")
    assert (body_of(sent), stopped) == (b"Main", ["Main"])
    assert finished == [True]


async def test_asynchronous_stream_that_ends_is_a_whole_answer(handler, finished):
    sent = await call(handler, "/count", piece(b""))
    assert body_of(sent) == b"one two"
    assert not sent[-1].get("more_body", False)
    assert finished == [True]


async def test_crash_is_an_answer(handler, finished):
    sent = await call(handler, "/v1/crash", piece(b""))
    assert (sent[0]["status"], b'"error":"internal_error"' in body_of(sent)) == (500, True)
    assert finished == [True]
