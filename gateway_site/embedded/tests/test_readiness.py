from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from gateway_site.embedded.readiness import Readiness, ask_readiness


@contextmanager
def answering(status: int, body: bytes) -> Iterator[int]:
    """A web server that gives every GET this answer; its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/readyz" else 404)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


CHECKS = b"""{"checks": {
    "database": {"ok": true}, "redis": {"ok": false}, "worker": {"ok": false, "problem": "too old"}
}}"""
PROBLEMS = {"database": "", "redis": "not ok", "worker": "too old"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, CHECKS, Readiness(True, PROBLEMS)),
        (503, CHECKS, Readiness(False, PROBLEMS)),
        (500, b"<h1>Oops</h1>", Readiness(False, {})),
        (200, b'{"checks": [1]}', Readiness(True, {})),
    ],
)
def test_readiness_is_read_from_any_answer(status: int, body: bytes, expected: Readiness):
    with answering(status, body) as port:
        assert ask_readiness("127.0.0.1", port) == expected


def test_readiness_of_nobody_is_not_ready():
    with answering(200, b"") as port:
        pass
    assert ask_readiness("127.0.0.1", port) == Readiness(False, {})
