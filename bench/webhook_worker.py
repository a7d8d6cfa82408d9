"""The worker that delivers webhooks, started with production's own command."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.web import config_of
from gateway_site.embedded.children import Children
from gateway_site.embedded.process import Process

# The receivers are on this machine, which a gateway does not reach unless it is told to.
LOOPBACK = {"WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8"}


@contextmanager
def delivering(*, threads: int) -> Iterator[int]:
    """Run the worker with so many threads; yields its process id."""
    env = os.environ | LOOPBACK | {"WEBHOOK_THREADS": str(threads)}
    program = Children(config_of(port=0), env).webhooks()
    log = Path(os.environ["DATA_DIR"], "bench-webhooks.log")
    with log.open("wb") as output:
        process = Process(program, stdout=output)
    try:
        yield process.pid
    finally:
        process.stop()
