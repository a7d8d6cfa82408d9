"""The guarded client: what it sends, what it takes back, and whom it never reaches."""

import socket
import threading
import time
import tracemalloc
import zlib

import pytest

from accounts.tests.test_web_addresses import DENIED_NETWORKS, REFUSED_HOSTS
from webhooks.http import Client, ExchangeFailed, post
from webhooks.tests.receivers import (
    PATIENCE_SECONDS,
    Names,
    Receiver,
    Reply,
    Trap,
    drip,
    hang,
    raw,
)

OK = b"HTTP/1.1 200 OK\r\n"
DEADLINE = 0.3


@pytest.fixture
def loopback(settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8", "::1/128"]


def failure(url, *, client=post, body=b"{}", headers=None, deadline_seconds=5.0):
    """The ExchangeFailed that a post ends with."""
    send = client.post if isinstance(client, Client) else client
    with pytest.raises(ExchangeFailed) as caught:
        send(url, body=body, headers=headers or {}, deadline_seconds=deadline_seconds)
    return caught.value


# --- What is sent ---


def test_request_is_exactly_the_bytes_and_headers_given_and_the_framing(loopback):
    body = b'{"text": "gr\xc3\xbc\xc3\x9fe \\u0000"}\n'
    with Receiver() as receiver:
        post(
            receiver.url + "?a=b%20c",
            body=body,
            headers={"Content-Type": "application/json", "webhook-id": "evt_1"},
        )
    (request,) = receiver.requests
    assert (request.method, request.path, request.body) == ("POST", "/hook?a=b%20c", body)
    assert request.headers == {
        "host": f"127.0.0.1:{receiver.port}",
        "content-length": str(len(body)),
        "content-type": "application/json",
        "webhook-id": "evt_1",
        "user-agent": "sms-gateway",
        "accept-encoding": "identity",
        "connection": "close",
    }


def test_empty_body_is_sent_as_such(loopback):
    with Receiver() as receiver:
        assert post(receiver.url, body=b"", headers={}).status == 200
    assert receiver.requests[0].headers["content-length"] == "0"


def test_caller_cannot_change_the_framing(loopback):
    theirs = {
        "HOST": "internal",
        "Content-Length": "1",
        "Transfer-Encoding": "chunked",
        "connection": "keep-alive",
        "Accept-Encoding": "gzip",
        "Expect": "100-continue",
    }
    with Receiver() as receiver:
        post(receiver.url, body=b"abc", headers=theirs)
        post(receiver.url, body=b"abc", headers={})
    assert receiver.requests[0] == receiver.requests[1]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-A", "1\r\nX-B: 2"),
        ("X-A", "1\nX-B: 2"),
        ("X-A", "1\n X-B: 2"),
        ("X-A: 1\r\nX-B", "2"),
        ("X A\n", "1"),
        ("", "1"),
        ("X-A", "€"),
    ],
)
def test_header_that_http_does_not_allow_is_never_sent(loopback, name, value):
    with Trap() as trap:
        failed = failure(f"http://127.0.0.1:{trap.port}/", headers={name: value})
        assert (failed.kind, trap.hits()) == ("protocol", 0)


def test_cookies_are_not_kept(loopback):
    with Receiver(Reply(headers={"Set-Cookie": "a=b; Path=/"})) as receiver:
        post(receiver.url, body=b"", headers={})
        post(receiver.url, body=b"", headers={})
    assert [request.headers.get("cookie") for request in receiver.requests] == [None, None]


def test_netrc_is_not_read(loopback, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with Receiver() as receiver:
        post(receiver.url, body=b"", headers={})
    assert "authorization" not in receiver.requests[0].headers


def test_proxies_of_the_environment_are_not_used(loopback, monkeypatch):
    with Trap() as proxy, Receiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("no_proxy", "")
        assert post(receiver.url, body=b"", headers={}).status == 200
        assert proxy.hits() == 0


def test_connection_is_closed_though_the_receiver_keeps_it_open(loopback):
    closed = threading.Event()

    def keep_alive(connection):
        Reply(headers={"Connection": "keep-alive"})(connection)
        if connection.recv(1) == b"":
            closed.set()

    with Receiver(keep_alive) as receiver:
        post(receiver.url, body=b"", headers={})
        assert closed.wait(PATIENCE_SECONDS) is True


def test_receiver_on_ipv6_is_reached(loopback):
    with Receiver(host="::1") as receiver:
        assert post(receiver.url, body=b"", headers={}).address == "::1"
    assert receiver.requests[0].headers["host"] == f"[::1]:{receiver.port}"


def test_threads_get_each_their_own_answer(loopback):
    answers = {}

    def send(number):
        with Receiver(Reply(body=b"%d" % number)) as own:
            answers[number] = post(own.url, body=b"", headers={}).body

    threads = [threading.Thread(target=send, args=[number]) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert answers == {number: str(number) for number in range(16)}


# --- What comes back ---


@pytest.mark.parametrize("status", [200, 201, 204, 400, 401, 404, 410, 429, 500, 503, 599])
def test_answer_has_the_status_whatever_it_is(loopback, status):
    with Receiver(Reply(status)) as receiver:
        assert post(receiver.url, body=b"", headers={}).status == status


def test_answer_has_headers_body_address_and_duration(loopback):
    reply = Reply(429, "später".encode(), {"Retry-After": "60", "X-Twice": "a\r\nX-Twice: b"})
    with Receiver(reply) as receiver:
        answer = post(receiver.url, body=b"", headers={})
    assert (answer.status, answer.body, answer.address) == (429, "später", "127.0.0.1")
    assert answer.headers == {
        "content-length": "7",
        "connection": "close",
        "retry-after": "60",
        "x-twice": "a, b",
    }
    assert 0 <= answer.duration_ms < 5000


@pytest.mark.parametrize(
    "answer",
    [
        b"Content-Length: 5\r\n\r\nhello",
        b"Content-Length: 5\r\n\r\nhello and what nobody asked for",
        b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
        b"\r\nhello",
    ],
    ids=["length", "longer than its length", "chunked", "until it closes"],
)
def test_body_in_each_framing_is_read(loopback, answer):
    with Receiver(raw(OK + answer)) as receiver:
        assert post(receiver.url, body=b"", headers={}).body == "hello"


def test_body_is_text_that_postgresql_can_store(loopback):
    with Receiver(Reply(body=b"a\0b\xff\xed\xa0\x80", headers={"X-A": "1\x002"})) as receiver:
        answer = post(receiver.url, body=b"", headers={})
    assert (answer.body, answer.headers["x-a"]) == ("ab\ufffd\ufffd\ufffd\ufffd", "12")


def test_four_kilobytes_of_body_and_of_headers_are_kept(loopback):
    headers = {f"X-{number:02}": "h" * 996 for number in range(20)}
    with Receiver(Reply(body=b"b" * 30_000, headers=headers)) as receiver:
        answer = post(receiver.url, body=b"", headers={})
    assert answer.body == "b" * 4096
    assert sum(len(name) + len(value) for name, value in answer.headers.items()) <= 4096
    assert [name for name in answer.headers if name.startswith("x-")] == [
        "x-00",
        "x-01",
        "x-02",
        "x-03",
    ][:4]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost", "169.254.169.254"])
def test_redirect_is_an_answer_and_is_not_followed(loopback, status, host):
    with Trap("::1" if host == "[::1]" else "127.0.0.1") as trap:
        target = f"http://{host}:{trap.port}/"
        with Receiver(Reply(status, headers={"Location": target})) as receiver:
            answer = post(receiver.url, body=b"", headers={})
        assert (answer.status, answer.headers["location"]) == (status, target)
        assert (len(receiver.requests), trap.hits()) == (1, 0)


# --- Whom it never reaches ---


@pytest.mark.parametrize("host", REFUSED_HOSTS)
def test_host_that_is_not_public_is_not_dialled(host):
    with Trap("::1" if "::1]" in host else "127.0.0.1") as trap:
        failed = failure(f"http://{host}:{trap.port}/")
        assert (failed.kind, failed.address, trap.hits()) == ("refused_address", "", 0)


@pytest.mark.parametrize("port", [22, 25, 6379])
def test_port_of_another_service_is_not_dialled(loopback, port):
    failed = failure(f"http://127.0.0.1:{port}/")
    assert (failed.kind, failed.address) == ("refused_address", "")


def test_name_that_leads_to_a_denied_address_is_not_dialled():
    names = Names({})
    kinds = {}
    for cidr in DENIED_NETWORKS:
        address = cidr.split("/")[0]
        names.answers["hook.example"] = [address]
        kinds[cidr] = failure("https://hook.example/", client=Client(resolver=names)).kind
    assert kinds == dict.fromkeys(DENIED_NETWORKS, "refused_address")


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["1.1.1.1", "127.0.0.1"],
        ["127.0.0.1", "1.1.1.1"],
        ["2606:4700::1111", "1.1.1.1", "::ffff:127.0.0.1"],
        ["1.1.1.1", "fe80::1%lo"],
        ["1.1.1.1"] * 20 + ["127.0.0.1"],
    ],
)
def test_one_bad_address_among_the_answers_refuses_the_name(answers):
    with Trap() as trap:
        client = Client(resolver=Names({"hook.example": answers}))
        failed = failure(f"http://hook.example:{trap.port}/", client=client)
        assert (failed.kind, failed.address, trap.hits()) == ("refused_address", "", 0)


def test_name_is_looked_up_once_and_that_answer_is_dialled(settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    with Receiver() as receiver:
        names = Names({"hook.example": ["127.0.0.1"]})
        url = f"http://hook.example:{receiver.port}/"
        answer = Client(resolver=names).post(url, body=b"", headers={})
    assert (answer.address, names.asked) == ("127.0.0.1", ["hook.example"])
    assert receiver.requests[0].headers["host"] == f"hook.example:{receiver.port}"


def test_name_that_is_not_found_is_a_failure_of_dns():
    failed = failure("https://hook.example/", client=Client(resolver=Names({})))
    assert (failed.kind, failed.message) == ("dns", "The host's name was not found.")


def test_name_without_addresses_is_a_failure_of_dns():
    assert failure("https://a.example/", client=Client(Names({"a.example": []}))).kind == "dns"


# --- Receivers that are not there ---


def test_receiver_that_is_down_is_a_failure_to_connect(loopback):
    with Trap() as gone:
        port = gone.port
    failed = failure(f"http://127.0.0.1:{port}/")
    assert (failed.kind, failed.address) == ("connect", "127.0.0.1")


def test_next_address_is_tried_when_one_is_down(loopback):
    with Receiver() as receiver:
        client = Client(resolver=Names({"hook.example": ["127.0.0.2", "::1", "127.0.0.1"]}))
        url = f"http://hook.example:{receiver.port}/"
        assert client.post(url, body=b"", headers={}).address == "127.0.0.1"


def test_silent_address_leaves_time_for_the_next(loopback, monkeypatch):
    monkeypatch.setattr("webhooks.dialling.CONNECT_SECONDS", 0.4)
    with (
        Receiver() as receiver,
        socket.create_server(("127.0.0.2", receiver.port), backlog=0) as silent,
        # A full queue makes Linux drop the next one's SYN, as a firewall does.
        socket.create_connection(silent.getsockname()),
    ):
        client = Client(resolver=Names({"hook.example": ["127.0.0.2", "127.0.0.1"]}))
        url = f"http://hook.example:{receiver.port}/"
        answer = client.post(url, body=b"", headers={})
    assert (answer.address, 200 <= answer.duration_ms < 9000) == ("127.0.0.1", True)


# --- Receivers that take their time ---

SLOW = {
    "says nothing": hang,
    "status line": drip(b"H", b"T"),
    "a header": drip(OK + b"X-A: ", b"x"),
    "headers": drip(OK, b"X-A: b\r\n", seconds=0.1),
    "body": drip(OK + b"Content-Length: 1000\r\n\r\n", b"x"),
    "body without a length": drip(OK + b"\r\n", b"x"),
    "body after what is kept": drip(OK + b"\r\n" + b"x" * 5000, b"x"),
    "chunks": drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
    "size of a chunk": drip(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "trailers": drip(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X-A: b\r\n"),
    "continue": drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("behaviour", SLOW.values(), ids=SLOW)
def test_slow_receiver_is_cut_by_the_wall_clock(loopback, behaviour):
    with Receiver(behaviour) as receiver:
        started = time.monotonic()
        failed = failure(receiver.url, deadline_seconds=DEADLINE)
        took = time.monotonic() - started
    assert (failed.kind, failed.address) == ("timeout", "127.0.0.1")
    assert failed.message == "The receiver took longer than 0.3 seconds."
    assert DEADLINE <= took < 2
    assert 300 <= failed.duration_ms < 2000


def test_receiver_that_does_not_read_is_cut_by_the_wall_clock(loopback):
    with Trap() as trap:
        url = f"http://127.0.0.1:{trap.port}/"
        failed = failure(url, body=bytes(16 << 20), deadline_seconds=DEADLINE)
    assert (failed.kind, failed.duration_ms < 2000) == ("timeout", True)


def test_slow_name_server_is_cut_by_the_wall_clock():
    with_an_answer = threading.Event()

    def slow(host):
        with_an_answer.wait(PATIENCE_SECONDS)
        return ["1.1.1.1"]

    failed = failure("https://a.example/", client=Client(slow), deadline_seconds=DEADLINE)
    with_an_answer.set()
    assert (failed.kind, failed.duration_ms < 2000) == ("timeout", True)


def test_slow_name_server_gets_less_than_the_whole_time(monkeypatch):
    monkeypatch.setattr("webhooks.dialling.DNS_SECONDS", 0.1)
    with_an_answer = threading.Event()

    def slow(host):
        with_an_answer.wait(PATIENCE_SECONDS)
        return ["1.1.1.1"]

    failed = failure("https://a.example/", client=Client(slow))
    with_an_answer.set()
    assert (failed.kind, failed.message) == ("dns", "The host's name server did not answer.")


# --- Receivers that say too much, or nonsense ---

HUGE = {
    "1 GB": drip(OK + b"Content-Length: 1000000000\r\n\r\n", b"x" * 65_536, seconds=0),
    "for ever": drip(OK + b"\r\n", b"x" * 65_536, seconds=0),
    "chunks for ever": drip(
        OK + b"Transfer-Encoding: chunked\r\n\r\n", b"4000\r\n" + b"x" * 16_384 + b"\r\n", seconds=0
    ),
    "one chunk": drip(
        OK + b"Transfer-Encoding: chunked\r\n\r\nffffffff\r\n", b"x" * 65_536, seconds=0
    ),
}


@pytest.mark.parametrize("behaviour", HUGE.values(), ids=HUGE)
def test_huge_body_is_cut_off(loopback, behaviour):
    with Receiver(behaviour) as receiver:
        tracemalloc.start()
        try:
            answer = post(receiver.url, body=b"", headers={})
            _, peak_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert (answer.status, answer.body) == (200, "x" * 4096)
    assert peak_bytes < 10_000_000  # of bodies that have a thousand megabytes, or no end


def test_compressed_body_stays_as_it_is(loopback):
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(50)), packer.flush()])
    with Receiver(Reply(body=bomb, headers={"Content-Encoding": "gzip"})) as receiver:
        answer = post(receiver.url, body=b"", headers={})
    assert answer.body == bomb[:4096].decode("utf-8", "replace").replace("\0", "")


@pytest.mark.parametrize(
    ("behaviour", "kind"),
    [
        (raw(OK + b"X-A: b\r\n" * 10_000 + b"\r\n"), "protocol"),
        (drip(OK, b"X-A: b\r\n", seconds=0), "protocol"),
        (raw(OK + b"X-A: " + b"b" * 70_000 + b"\r\n\r\n"), "too_large"),
        (raw(OK + (b"X-A: " + b"b" * 1000 + b"\r\n") * 90 + b"\r\n"), "too_large"),
        (drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, seconds=0), "too_large"),
        (drip(b"", b"x" * 1000, seconds=0), "too_large"),
        (raw(OK + b"Content-Length: 10\r\n\r\nshort"), "protocol"),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"), "protocol"),
        (raw(OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhe"), "protocol"),
        (raw(b"HTTP/1.1 abc OK\r\n\r\n"), "protocol"),
        (raw(b"220 mail.example ESMTP\r\n"), "protocol"),
        (raw(b"\0\r\n\r\n"), "protocol"),
        (raw(b""), "protocol"),
    ],
)
def test_answer_that_is_none_is_a_failure(loopback, behaviour, kind):
    with Receiver(behaviour) as receiver:
        failed = failure(receiver.url)
    assert (failed.kind, failed.address, failed.message[-1]) == (kind, "127.0.0.1", ".")
