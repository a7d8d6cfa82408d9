"""From a host name to addresses, all of them allowed, within a limit of time."""

import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from ipaddress import ip_address

from urllib3.util import parse_url

from accounts.web_addresses import Address, InvalidWebAddress, check_web_address, is_allowed

DNS_SECONDS = 3.0

Resolver = Callable[[str], list[str]]
"""From a host name to its addresses, as text. Blocks; raises OSError, as `getaddrinfo` does."""

# A lookup cannot be cut short, only left behind; so many may be under way in a process.
MAX_LOOKUPS = 64
_lookups = threading.BoundedSemaphore(MAX_LOOKUPS)


def system_resolver(host: str) -> list[str]:
    """What the machine's own resolver says."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)]


def allowed_addresses(host: str, *, resolver: Resolver, seconds: float) -> list[Address]:
    """The addresses of `host` (a name, or an address itself), looked up once.

    Raises InvalidWebAddress when only one of them is not allowed, TimeoutError after `seconds`,
    OSError when the name is not found.
    """
    addresses = _literal(host) or _look_up(host, resolver, seconds)
    if not addresses:
        raise socket.gaierror(socket.EAI_NODATA, "No address associated with hostname")
    if not all(map(is_allowed, addresses)):
        raise InvalidWebAddress(
            f"Use a host with public addresses; {host} leads into a private or reserved network."
        )
    return addresses


def check_reachable_address(url: str, *, resolver: Resolver = system_resolver) -> None:
    """`check_web_address` and a look at what the host's name leads to now; for saving a URL.

    A name server that is slow or ill passes: every dial looks again. Raises InvalidWebAddress.
    """
    check_web_address(url)
    host = str(parse_url(url).host)
    try:
        allowed_addresses(host, resolver=resolver, seconds=DNS_SECONDS)
    except TimeoutError:
        return
    except OSError as error:
        if error.errno in (socket.EAI_NONAME, socket.EAI_NODATA):
            raise InvalidWebAddress(f"Check the host name: {host} is not known.") from None


def _literal(host: str) -> list[Address]:
    try:
        return [ip_address(host.strip("[]"))]
    except ValueError:
        return []


def _look_up(host: str, resolver: Resolver, seconds: float) -> list[Address]:
    until = time.monotonic() + seconds
    if not _lookups.acquire(timeout=seconds):
        raise TimeoutError
    found: Future[list[Address]] = Future()

    def run() -> None:
        try:
            found.set_result([ip_address(text) for text in dict.fromkeys(resolver(host))])
        except Exception as error:
            found.set_exception(error)
        finally:
            _lookups.release()

    # A thread for each: those of a pool would not survive a fork, and would hold up the exit.
    try:
        threading.Thread(target=run, name="lookup", daemon=True).start()
    except RuntimeError:  # the machine has no thread left
        _lookups.release()
        raise TimeoutError from None
    return found.result(timeout=max(until - time.monotonic(), 0))
