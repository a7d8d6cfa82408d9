"""The one HTTP client for URLs that tenants chose; docs/decisions/0015 says why it is so strict."""

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from requests import PreparedRequest, RequestException, Response
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util import parse_url

from accounts.web_addresses import InvalidWebAddress, check_web_address
from webhooks.dialling import Dialler, Pool, TlsPool, default_tls_context
from webhooks.exchanges import Exchange, ExchangeFailed
from webhooks.resolving import Resolver, system_resolver

__all__ = ["Answer", "Client", "ExchangeFailed", "post"]

ANSWER_BYTES = 65_536  # read at most, with the headers
KEPT_BYTES = 4096  # of the body, and of the headers
USER_AGENT = "sms-gateway"
# Framing and what keeps an exchange simple; nothing that a caller may set.
_OURS = {"Accept-Encoding": "identity", "Connection": "close"}
_NOT_THEIRS = frozenset(
    ["accept-encoding", "connection", "content-length", "expect", "host", "transfer-encoding"]
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver said, whatever the status; a 3xx is an answer too and is never followed.

    `headers` (names in lower case) and `body` (UTF-8 with replacements) hold 4 kB each at most and
    no NUL, which PostgreSQL cannot store. `address` is the IP address that was dialled.
    """

    status: int
    headers: dict[str, str]
    body: str
    address: str
    duration_ms: int


@dataclass(frozen=True, slots=True)
class Client:
    """The client; tests give it a resolver and a TLS context of their own."""

    resolver: Resolver = system_resolver
    tls: ssl.SSLContext | None = None

    def post(
        self, url: str, *, body: bytes, headers: Mapping[str, str], deadline_seconds: float = 20.0
    ) -> Answer:
        """POST `body` to `url`; the answer, whatever its status.

        Everything together, from the look-up of the name to the last byte, takes
        `deadline_seconds` at most. Raises ExchangeFailed when no answer came of it.
        """
        exchange = Exchange(deadline_seconds=deadline_seconds, byte_limit=ANSWER_BYTES)
        try:
            check_web_address(url)
            request = _prepare(url, body, headers)
        except InvalidWebAddress as error:
            raise exchange.failure("refused_address", str(error)) from None
        except (RequestException, ValueError):
            raise exchange.failure("protocol", "HTTP does not allow such a request.") from None
        with self._pool(str(request.url), exchange) as pool:
            try:
                with _OneExchange(pool).send(request, stream=True) as response:
                    return _answer(response, exchange)
            except (RequestException, HTTPError, OSError, ValueError):
                raise exchange.failure(
                    "protocol", "The receiver broke the connection or did not speak HTTP."
                ) from None

    def _pool(self, url: str, exchange: Exchange) -> HTTPConnectionPool:
        parts = parse_url(url)
        dialler = Dialler(exchange=exchange, resolver=self.resolver)
        if parts.scheme == "http":
            return Pool(str(parts.host), parts.port, dialler=dialler)
        return TlsPool(
            str(parts.host),
            parts.port,
            dialler=dialler,
            ssl_context=self.tls or default_tls_context(),
        )


post = Client().post


class _OneExchange(HTTPAdapter):
    """requests without a session: redirects, cookies, netrc and proxies are the session's work."""

    def __init__(self, pool: HTTPConnectionPool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(self, *_: Any, **__: Any) -> HTTPConnectionPool:
        return self._pool

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Leave TLS to the pool's context; requests would read the authorities for each call."""


def _prepare(url: str, body: bytes, headers: Mapping[str, str]) -> PreparedRequest:
    request = PreparedRequest()
    theirs = {name: value for name, value in headers.items() if name.lower() not in _NOT_THEIRS}
    request.prepare(
        method="POST", url=url, data=body, headers={"User-Agent": USER_AGENT} | theirs | _OURS
    )
    return request


def _answer(response: Response, exchange: Exchange) -> Answer:
    body = response.raw.read(KEPT_BYTES, decode_content=False)
    try:
        # A receiver that may finish its answer does not log a broken pipe.
        while response.raw.read(KEPT_BYTES, decode_content=False):
            pass
    except ExchangeFailed as failure:
        if failure.kind != "too_large":
            raise
    return Answer(
        status=response.status_code,
        headers=_bounded(response.raw.headers.items()),
        body=body.decode("utf-8", "replace").replace("\0", ""),
        address=exchange.address,
        duration_ms=exchange.duration_ms,
    )


def _bounded(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers that come before 4 kB are full; of one that comes twice, both values."""
    kept: dict[str, str] = {}
    room = KEPT_BYTES
    for name, value in headers:
        name, value = name.lower(), value.replace("\0", "")
        room -= len(name) + len(value)
        if room < 0:
            break
        kept[name] = f"{kept[name]}, {value}" if name in kept else value
    return kept
