"""The last API requests of each tenant, for its developers to look at.

Kept in Redis and nowhere else: at most `KEPT` of each tenant, and none for more than a day. What a
request costs by this is one append to a list in memory; a thread of its own carries them on, a few
times a second. Whatever gets lost on the way is not missed.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict, deque
from datetime import UTC, datetime

import msgspec
import redis
import structlog

from accounts.models import Tenant
from accounts.redis import connection
from gateway_site.logs import mask_tokens

log = structlog.get_logger(__name__)

KEPT = 1000
KEPT_SECONDS = 86_400
REST_SECONDS = 0.3
LONGEST_PATH = 200


class LoggedRequest(msgspec.Struct, array_like=True, frozen=True):
    """One answered request; `ended` in seconds since 1970, `ms` is how long it took here."""

    ended: float
    method: str
    path: str
    status: int
    ms: float
    request_id: str
    key_prefix: str = ""

    @property
    def at(self) -> datetime:
        return datetime.fromtimestamp(self.ended, UTC)


def note_request(tenant_id: int, request: LoggedRequest) -> None:
    """Remember `request`; returns at once."""
    _writer.add(tenant_id, request)


def requests_of(tenant: Tenant) -> list[LoggedRequest]:
    """The tenant's requests of the last day, newest first; empty when Redis does not answer."""
    since = time.time() - KEPT_SECONDS
    try:
        rows = connection().lrange(_name(tenant.pk), 0, KEPT - 1)
    except (OSError, redis.RedisError):
        return []
    known = [_decoder.decode(row) for row in rows]
    return [request for request in known if request.ended >= since]


def _name(tenant_id: int) -> str:
    return f"requests:{tenant_id}"


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(LoggedRequest)


class _Writer:
    """One thread for each process (see devices/wakeup.py)."""

    def __init__(self) -> None:
        self._pending: deque[tuple[int, LoggedRequest]] = deque(maxlen=50 * KEPT)
        self._arrived = threading.Event()
        self._start = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, tenant_id: int, request: LoggedRequest) -> None:
        self._pending.append((tenant_id, request))
        if not self._arrived.is_set():
            self._arrived.set()
            self._wake()

    def flush(self) -> None:
        """Write what is there."""
        rows: dict[int, deque[bytes]] = defaultdict(lambda: deque(maxlen=KEPT))
        for _ in range(len(self._pending)):
            tenant_id, request = self._pending.popleft()
            path = mask_tokens(None, "", request.path)[:LONGEST_PATH]
            row = msgspec.structs.replace(request, path=path)
            rows[tenant_id].append(_encoder.encode(row))
        pipe = connection().pipeline(transaction=False)
        for tenant_id, encoded in rows.items():
            pipe.lpush(_name(tenant_id), *encoded)
            pipe.ltrim(_name(tenant_id), 0, KEPT - 1)
            pipe.expire(_name(tenant_id), KEPT_SECONDS)
        pipe.execute()

    def _wake(self) -> None:
        with self._start:
            # A fork copies the object but not its thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="request log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._arrived.wait()
            time.sleep(REST_SECONDS)  # a batch, rather than one by one
            self._arrived.clear()
            try:
                self.flush()
            except (OSError, redis.RedisError) as error:
                log.warning("request log lost", error=repr(error))


_writer = _Writer()
