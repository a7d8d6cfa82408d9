"""Which web addresses a tenant may make the gateway call.

A URL is checked when it is saved, for a kind answer, and again when it is dialled, which is what
protects: a name may lead elsewhere by then, so the addresses behind it are checked there, too.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

MAX_URL_CHARACTERS = 2000
_MAX_HOST_CHARACTERS = 253  # RFC 1035

# Refused besides whatever Python calls not global: most of these it calls global, or did in some
# release. From IANA's special-purpose address registries, where no other source is named.
_DENIED: tuple[Network, ...] = tuple(
    ip_network(cidr)
    for cidr in (
        "0.0.0.0/8",  # this host
        "100.64.0.0/10",  # carrier-grade NAT
        "168.63.129.16/32",  # Azure's host agent
        "192.0.0.0/24",  # protocol assignments
        "192.88.99.0/24",  # 6to4 relays
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
        "::/96",  # IPv4-compatible: ::127.0.0.1
        "64:ff9b::/96",  # NAT64 leads to any IPv4 address
        "64:ff9b:1::/48",  # NAT64 of local use
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4 leads to any IPv4 address
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
        "fec0::/10",  # site-local
        "ff00::/8",  # multicast
    )
)

# Services above port 1023 that take commands from whoever speaks to them, line by line or by HTTP:
# the "bad ports" of the WHATWG Fetch standard, databases, brokers and control planes.
_REFUSED_PORTS = frozenset(
    [
        *(1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6679, 6697, 10080),
        *range(6665, 6670),
        *(1433, 1521, 3306, 5432, 5984, 6379, 6380, 9042, 9200, 9300, 11211, 26379),
        *range(27017, 27020),
        *(2181, 2375, 2376, 2379, 2380, 3389, 4369, 5672, 5900, 6443, 8500, 9092, 10250, 15672),
    ]
)

_PRINTABLE_ASCII = re.compile(r"[\x21-\x5b\x5d-\x7e]+")  # no backslash: parsers differ about it
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# What inet_aton takes for a number. No top-level domain looks like this (WHATWG URL, 3.5).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


class InvalidWebAddress(ValueError):
    """A URL that the gateway will not call; the text is one sentence that says what to do."""


def check_web_address(url: str) -> None:
    """Refuse `url` unless it is one that a tenant may have called. Asks no name server.

    Raises InvalidWebAddress.
    """
    parts = _parse(url)
    if parts.scheme not in ("http", "https"):
        raise InvalidWebAddress("Start the URL with https:// or http://.")
    if not parts.host:
        raise InvalidWebAddress("Name a host in the URL, as in https://example.com/hook.")
    if parts.auth is not None:
        raise InvalidWebAddress("Take the user name and the password out of the URL.")
    if parts.port is not None and not is_allowed_port(parts.port):
        raise InvalidWebAddress(
            f"Use port 443, 80 or a web server's port above 1023; {parts.port} is not open here."
        )
    _check_host(parts.host)


def is_allowed(address: Address) -> bool:
    """Whether `address` is public, or in a network that `WEBHOOK_ALLOWED_NETWORKS` names."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return False
        address = address.ipv4_mapped or address
    if any(address in network for network in allowed_networks()):
        return True
    return address.is_global and not any(address in network for network in _DENIED)


def is_allowed_port(port: int) -> bool:
    """Whether web servers listen on `port`, and no service that must not be spoken to."""
    return port in (80, 443) or (1024 <= port <= 65535 and port not in _REFUSED_PORTS)


def allowed_networks() -> tuple[Network, ...]:
    """`WEBHOOK_ALLOWED_NETWORKS`.

    Raises ValueError when an entry is not a network in CIDR notation.
    """
    return _networks(tuple(settings.WEBHOOK_ALLOWED_NETWORKS))


def _parse(url: str) -> Url:
    # The parser of the library that dials, so that both see the same host.
    if len(url) > MAX_URL_CHARACTERS:
        raise InvalidWebAddress(f"Shorten the URL to {MAX_URL_CHARACTERS} characters.")
    if _PRINTABLE_ASCII.fullmatch(url) is None:
        raise InvalidWebAddress(
            "Write the URL in ASCII, without spaces and backslashes: a host as xn--… where it has "
            "other letters, and a path percent-encoded."
        )
    try:
        return parse_url(url)
    except LocationParseError:
        raise InvalidWebAddress("Write the URL as in https://example.com/hook.") from None


def _check_host(host: str) -> None:
    if address := _literal(host):
        if not is_allowed(address):
            raise InvalidWebAddress(
                f"Use a public address: {address} is in a private or reserved network."
            )
        return
    labels = host.split(".")
    if len(host) > _MAX_HOST_CHARACTERS or not all(map(_LABEL.fullmatch, labels)):
        raise InvalidWebAddress("Write the host as a domain name, without a dot at the end.")
    if _NUMBER.fullmatch(labels[-1]):
        raise InvalidWebAddress("Write the host as a domain name, or an address as 203.0.113.7.")
    if (len(labels) == 1 or labels[-1] == "localhost") and not allowed_networks():
        raise InvalidWebAddress("Use a public domain name, as in https://example.com/hook.")


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


@lru_cache(maxsize=8)
def _networks(cidrs: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ip_network(cidr) for cidr in cidrs)
