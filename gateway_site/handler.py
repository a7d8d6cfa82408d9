"""Django's synchronous stack behind an ASGI server, with one thread hop for each request.

Our views are synchronous. Django's own ASGI handler wraps every synchronous middleware and view in
an adapter of its own, which costs three to four times as much for a request as its WSGI handler
(docs/decisions). This one reads the body, runs the whole synchronous stack on a thread of a fixed
pool, and sends the answer. Threads live as long as the process, so each keeps one connection to the
database.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core import signals
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.base import BaseHandler
from django.db import close_old_connections
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import set_script_prefix

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class ThreadedHandler(ASGIHandler):
    """An ASGI application of Django's synchronous request handling."""

    def __init__(self, *, threads: int, max_body_bytes: int) -> None:
        BaseHandler.__init__(self)
        self.load_middleware(is_async=False)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="http")
        self._max_body_bytes = max_body_bytes

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        body = await self._read(receive)
        if body is None:
            return  # the client left
        loop = asyncio.get_running_loop()
        response = await loop.run_in_executor(self._threads, self._respond, scope, body)
        try:
            await self._answer(response, receive, send)
        finally:
            if response.streaming:
                await loop.run_in_executor(self._threads, response.close)

    async def _answer(self, response: HttpResponseBase, receive: Receive, send: Send) -> None:
        """Send it. Content that is asynchronous (a view that waits for news, without a thread)
        ends when its client leaves, because it might never end by itself."""
        if not isinstance(response, StreamingHttpResponse):
            await self.send_response(response, send)
        elif isinstance(response.streaming_content, Iterator):
            response.streaming_content = self._pieces(response.streaming_content)
            await self.send_response(response, send)
        else:
            await _first_of(self.send_response(response, send), _disconnect(receive))

    async def _read(self, receive: Receive) -> bytes | None:
        """The body; a byte more than allowed when it is too large, which the view then refuses."""
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            chunk = message.get("body", b"")
            if size <= self._max_body_bytes:
                chunks.append(chunk[: self._max_body_bytes + 1 - size])
            size += len(chunk)
            if not message.get("more_body", False):
                return b"".join(chunks)

    async def _pieces(self, content: Iterator[bytes]) -> AsyncIterator[bytes]:
        """`content`, such as a file, read a piece at a time on a thread of the pool."""
        loop = asyncio.get_running_loop()
        while (piece := await loop.run_in_executor(self._threads, next, content, None)) is not None:
            yield piece

    def _respond(self, scope: dict[str, Any], body: bytes) -> HttpResponseBase:
        """Runs on a thread, from the request's start to its answer."""
        set_script_prefix(scope.get("root_path", "") or "/")
        signals.request_started.send(sender=self.__class__, scope=scope)
        request, refusal = self.create_request(scope, BytesIO(body))
        if request is None:
            return refusal or HttpResponse(status=400)
        response = self.get_response(request)
        if response.streaming:
            close_old_connections()  # here; what ends the request later may run on another thread
        else:
            response.close()  # also ends the request for Django: connections, signals
        return response


async def _first_of(*works: Coroutine[Any, Any, None]) -> None:
    """Return when one of `works` has, having stopped the others; raises what it raised."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _disconnect(receive: Receive) -> None:
    """Return when the client has left."""
    while (await receive())["type"] != "http.disconnect":
        pass


def threaded_handler() -> ThreadedHandler:
    """The handler as the settings want it."""
    return ThreadedHandler(
        threads=settings.HTTP_THREADS, max_body_bytes=settings.BATCH_MAX_BODY_BYTES
    )
