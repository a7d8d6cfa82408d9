"""How the guarded client connects: urllib3's connections, which dial only checked addresses."""

import socket
import ssl
import time
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from accounts.web_addresses import Address, InvalidWebAddress, is_allowed_port
from webhooks.exchanges import BoundedSocket, BoundedTlsSocket, Exchange
from webhooks.resolving import DNS_SECONDS, Resolver, allowed_addresses

CONNECT_SECONDS = 5.0
TLS_SECONDS = 5.0
_DIALLED = 4  # of the addresses that a name has; all of them are checked


@dataclass(frozen=True, slots=True)
class Dialler:
    """Connects one exchange."""

    exchange: Exchange
    resolver: Resolver

    def connect(self, host: str, port: int) -> BoundedSocket:
        """A socket to one of the addresses of `host`, all of which are allowed.

        Raises ExchangeFailed (`refused_address`, `dns`, `connect`, `timeout`).
        """
        addresses = self._addresses(host, port)[:_DIALLED]
        until = time.monotonic() + CONNECT_SECONDS
        for position, address in enumerate(addresses):
            # Each gets its share of what is left, so that a silent one leaves time for the next.
            share = (until - time.monotonic()) / (len(addresses) - position)
            seconds = self.exchange.remaining(max(share, 0.001))
            try:
                return self._dial(address, port, seconds)
            except OSError:
                continue
        self.exchange.remaining()
        raise self.exchange.failure("connect", "The receiver does not accept connections.")

    def _addresses(self, host: str, port: int) -> list[Address]:
        seconds = self.exchange.remaining(DNS_SECONDS)
        try:
            if not is_allowed_port(port):
                raise InvalidWebAddress("Use another port.")
            return allowed_addresses(host, resolver=self.resolver, seconds=seconds)
        except InvalidWebAddress as error:
            raise self.exchange.failure("refused_address", str(error)) from None
        except TimeoutError:
            self.exchange.remaining()
            raise self.exchange.failure("dns", "The host's name server did not answer.") from None
        except (OSError, ValueError):
            raise self.exchange.failure("dns", "The host's name was not found.") from None

    def _dial(self, address: Address, port: int, seconds: float) -> BoundedSocket:
        family = socket.AF_INET if address.version == 4 else socket.AF_INET6
        self.exchange.address = str(address)
        connection = BoundedSocket(family, socket.SOCK_STREAM)
        connection.exchange = self.exchange
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(seconds)
            connection.connect((str(address), port))
        except OSError:
            connection.close()
            raise
        return connection


class _Connection(HTTPConnection):
    def __init__(self, *args: Any, dialler: Dialler, **kwargs: Any) -> None:
        self._dialler = dialler
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> BoundedSocket:
        return self._dialler.connect(self._dns_host, self.port)


class _TlsConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        # Not urllib3's own, which changes the context that all threads share at each connection.
        exchange = self._dialler.exchange
        plain = self._new_conn()
        try:
            # The handshake ends by the timeout that the socket has when it begins.
            plain.settimeout(exchange.remaining(TLS_SECONDS))
            secure = cast(ssl.SSLContext, self.ssl_context).wrap_socket(
                plain, server_hostname=self.host
            )
        except ssl.SSLCertVerificationError as error:
            reason = error.verify_message.rstrip(".")
            raise exchange.failure(
                "tls", f"The receiver's certificate is not valid: {reason}."
            ) from None
        except (OSError, ValueError):
            exchange.remaining()
            raise exchange.failure("tls", "The TLS handshake with the receiver failed.") from None
        finally:
            plain.close()
        self.sock = secure
        cast(BoundedTlsSocket, secure).exchange = exchange
        self.is_verified = True


class Pool(HTTPConnectionPool):
    """A pool of one connection for one exchange; nothing is ever used again."""

    ConnectionCls = _Connection


class TlsPool(HTTPSConnectionPool):
    """The same with TLS."""

    ConnectionCls = _TlsConnection


@cache
def default_tls_context() -> ssl.SSLContext:
    """Trusts Mozilla's authorities and those that the machine trusts.

    Made once in a process: it takes tens of milliseconds.
    """
    context = tls_context()
    context.load_verify_locations(certifi.where())
    context.load_default_certs()
    return context


def tls_context() -> ssl.SSLContext:
    """TLS 1.2 or newer, checks the certificate and its name, and trusts nobody yet."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.sslsocket_class = BoundedTlsSocket
    return context
