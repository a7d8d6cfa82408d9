"""Which URLs are refused when they are saved, and which addresses when they are dialled."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.web_addresses import (
    InvalidWebAddress,
    allowed_networks,
    check_web_address,
    is_allowed,
    is_allowed_port,
)

DENIED_NETWORKS = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/32",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
]
IPV4_NETWORKS = [cidr for cidr in DENIED_NETWORKS if ":" not in cidr]

# Ways of writing an address that must not be reached; some library turns each into that address.
REFUSED_SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "2130706433",
    "017700000001",
    "0177.0.0.1",
    "0x7f000001",
    "0x7f.0.0.1",
    "0X7F.1",
    "127.0.0.0x1",
    "127.0.0.01",
    "0",
    "[::1]",
    "[::]",
    "[::127.0.0.1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::ffff:a9fe:a9fe]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%lo]",
    "[2606:4700::1111%lo]",
    "[127.0.0.1]",
    "169.254.169.254",
    "168.63.129.16",
    "localhost",
    "LOCALHOST",
    "127。0。0。1",
    "127．0．0．1",
    "１２７.0.0.1",
    "①②⑦.0.0.1",
]
REFUSED_HOSTS = [
    *REFUSED_SPELLINGS,
    "127.0.0.1.",
    "8.8.8.8.",
    "0x",
    "256.256.256.256",
    "1.2.3.4.5",
    "127%2e0.0.1",
    "%31%32%37.0.0.1",
    "[fe80::1%25lo]",
    "[2606:4700::1111%25lo]",
    "[::1",
    "::1",
    "localhost.",
    "hook.localhost",
    "receiver",
    "example.com.",
    "example..com",
    ".example.com",
    "-example.com",
    "exam!ple.com",
    "bücher.example",
    "a" * 64 + ".example",
    ".".join(["a" * 49] * 6),
]


@pytest.mark.parametrize("cidr", DENIED_NETWORKS)
def test_first_and_last_address_of_a_denied_network_are_refused(cidr):
    network = ip_network(cidr)
    assert (is_allowed(network[0]), is_allowed(network[-1])) == (False, False)


@pytest.mark.parametrize("cidr", IPV4_NETWORKS)
def test_ipv4_address_in_ipv6_clothes_is_judged_as_what_it_is(cidr):
    network = ip_network(cidr)
    mapped = [ip_address(f"::ffff:{network[place]}") for place in (0, -1)]
    assert [is_allowed(address) for address in mapped] == [False, False]


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.0.0.1"),
        *("128.0.0.0", "168.63.129.15", "168.63.129.17", "192.0.1.0", "192.88.98.255"),
        *("192.88.100.0", "223.255.255.255", "::ffff:1.1.1.1"),
        *("2001:4860:4860::8888", "2003::", "2606:4700::1111", "2a00::1"),
    ],
)
def test_public_address_is_allowed(address):
    assert is_allowed(ip_address(address)) is True


@given(st.ip_addresses(v=4))
def test_mapped_address_is_allowed_exactly_when_the_address_is(address):
    assert is_allowed(ip_address(f"::ffff:{address}")) is is_allowed(address)


@given(st.ip_addresses(v=6))
def test_address_with_a_scope_is_never_allowed(address):
    assert is_allowed(ip_address(f"{address}%lo")) is False


def test_allowed_network_opens_that_network_and_nothing_else(settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.1.0.0/16", "fd00:1::/64"]
    answers = {
        text: is_allowed(ip_address(text))
        for text in (
            *("10.1.0.0", "10.1.255.255", "::ffff:10.1.0.1", "fd00:1::1", "1.1.1.1"),
            *("10.0.255.255", "10.2.0.0", "::10.1.0.1", "fd00:1:0:1::", "127.0.0.1", "::1"),
        )
    }
    assert [text for text, allowed in answers.items() if allowed] == [
        *("10.1.0.0", "10.1.255.255", "::ffff:10.1.0.1", "fd00:1::1", "1.1.1.1")
    ]


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "ten", "10.0.0.0/33", ""])
def test_allowed_network_that_is_none_is_an_error(settings, entry):
    settings.WEBHOOK_ALLOWED_NETWORKS = [entry]
    with pytest.raises(ValueError, match="10|ten|''"):
        allowed_networks()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("host", REFUSED_HOSTS)
def test_host_that_is_not_a_public_one_is_refused(scheme, host):
    with pytest.raises(InvalidWebAddress):
        check_web_address(f"{scheme}://{host}/hook")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/hook?a=b#c",
        "HTTPS://Example.COM/hook",
        "http://example.com:80/",
        "https://example.com:443/",
        "https://example.com:8443/",
        "http://n8n.example.com:5678/webhook/6f",
        "https://my_service.example.com/",
        "https://xn--bcher-kva.example/b%C3%BCcher",
        "https://123.example/",
        "https://0x7f.example/",
        "https://1.1.1.1/hook",
        "https://[2606:4700::1111]:8443/hook",
        "https://example.com/who@where:now",
        "https://example.com/?next=http://127.0.0.1/",
        "https://example.com/" + "a" * 1980,
    ],
)
def test_public_url_is_taken(url):
    assert check_web_address(url) is None


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "Write the URL in ASCII"),
        ("example.com/hook", "Start the URL with https"),
        ("//example.com/hook", "Start the URL with https"),
        ("ftp://example.com/", "Start the URL with https"),
        ("file:///etc/passwd", "Start the URL with https"),
        ("gopher://example.com/_", "Start the URL with https"),
        ("javascript:alert(1)", "Start the URL with https"),
        ("http:", "Name a host"),
        ("http://", "Name a host"),
        ("http:///hook", "Name a host"),
        ("http:example.com", "Name a host"),
        ("https://?a=b", "Name a host"),
        ("https://me@example.com/", "Take the user name"),
        ("https://me:secret@example.com/", "Take the user name"),
        ("https://example.com@127.0.0.1/", "Take the user name"),
        ("https://@127.0.0.1/", "Use a public address"),
        ("https://example.com:80@127.0.0.1/", "Take the user name"),
        ("http://127.0.0.1#@example.com/", "Use a public address"),
        ("http://127.0.0.1?@example.com/", "Use a public address"),
        ("http://example.com\\@127.0.0.1/", "Write the URL in ASCII"),
        ("http:\\\\127.0.0.1\\", "Write the URL in ASCII"),
        (" https://example.com/", "Write the URL in ASCII"),
        ("https://example.com/a b", "Write the URL in ASCII"),
        ("https://exam\tple.com/", "Write the URL in ASCII"),
        ("https://example.com/\r\nHost: evil", "Write the URL in ASCII"),
        ("https://example.com/\n", "Write the URL in ASCII"),
        ("https://example.com/\0", "Write the URL in ASCII"),
        ("https://example.com/\x7f", "Write the URL in ASCII"),
        ("https://example.com/ü", "Write the URL in ASCII"),
        ("https://example.com/\ud800", "Write the URL in ASCII"),
        ("https://example.com:0/", "Use port 443"),
        ("https://example.com:65536/", "Write the URL as"),
        ("https://example.com:-1/", "Write the URL as"),
        ("https://example.com:443x/", "Write the URL as"),
        ("https://example.com:22/", "Use port 443"),
        ("https://example.com/" + "a" * 1981, "Shorten the URL"),
    ],
)
def test_refusal_says_what_to_do(url, says):
    with pytest.raises(InvalidWebAddress) as caught:
        check_web_address(url)
    text = str(caught.value)
    assert (text[: len(says)], text[-1]) == (says, ".")


@pytest.mark.parametrize(
    "port",
    [
        *(0, 1, 21, 22, 23, 25, 53, 81, 110, 143, 389, 445, 587, 636, 993, 1023, 65536),
        *(2375, 2379, 3306, 3389, 5432, 5672, 6379, 6380, 6667, 9200, 11211, 15672, 27017),
    ],
)
def test_port_of_another_service_is_refused_even_in_an_allowed_network(port, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    assert is_allowed_port(port) is False
    with pytest.raises(InvalidWebAddress):
        check_web_address(f"http://127.0.0.1:{port}/")


@pytest.mark.parametrize("port", [80, 443, 1024, 3000, 5000, 5678, 8000, 8080, 8443, 9000, 65535])
def test_port_of_web_servers_is_allowed(port):
    assert is_allowed_port(port) is True


def test_every_ephemeral_port_is_allowed():
    assert all(map(is_allowed_port, range(32_768, 65_536))) is True


def test_names_without_a_dot_are_for_operators_who_opened_a_network(settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["10.1.0.0/16"]
    for host in ("receiver", "localhost", "hook.localhost", "10.1.2.3"):
        assert check_web_address(f"http://{host}:8000/") is None
    with pytest.raises(InvalidWebAddress):
        check_web_address("http://127.0.0.1:8000/")


@given(st.text(max_size=40))
def test_any_text_is_refused_with_a_sentence_or_taken(text):
    for url in (text, f"https://{text}", f"https://{text}.example/"):
        try:
            check_web_address(url)
        except InvalidWebAddress as error:
            assert str(error)[-1] == "."
