"""Dialling: the check that protects when every other one was passed, and TLS."""

import datetime
import ipaddress
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from accounts.tests.test_web_addresses import REFUSED_SPELLINGS
from webhooks.dialling import Dialler, tls_context
from webhooks.exchanges import Exchange
from webhooks.http import Client, ExchangeFailed
from webhooks.resolving import system_resolver
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

NAMES = Names({"hook.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]})


def dialler():
    return Dialler(Exchange(deadline_seconds=5, byte_limit=1), system_resolver)


@pytest.mark.parametrize("host", REFUSED_SPELLINGS)
def test_spelling_that_the_machine_understands_is_judged_by_the_address_behind_it(host):
    with Trap("::1" if "::1]" in host else "127.0.0.1") as trap:
        with pytest.raises(ExchangeFailed) as caught:
            dialler().connect(host, trap.port)
        assert (caught.value.address, trap.hits()) == ("", 0)


@pytest.mark.parametrize("port", [0, 22, 25, 6379, 65536])
def test_port_is_checked_again(settings, port):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    with pytest.raises(ExchangeFailed) as caught:
        dialler().connect("127.0.0.1", port)
    assert (caught.value.kind, caught.value.address) == ("refused_address", "")


# --- TLS ---


class Authority:
    """A certificate authority of the test's own."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
        builder = self._builder(self._name, self._key, days=1)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        certificate = builder.add_extension(constraints, critical=True).sign(
            self._key, hashes.SHA256()
        )
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def server_context(self, folder, *names, days=1):
        """The context of a server whose certificate has `names` and ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = x509.SubjectAlternativeName(names)
        certificate = (
            self._builder(x509.Name([]), key, days)
            .add_extension(alternatives, critical=True)
            .sign(self._key, hashes.SHA256())
        )
        path = folder / "server.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context

    def _builder(self, subject, key, days):
        now = datetime.datetime.now(datetime.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=30))
            .not_valid_after(now + datetime.timedelta(days=days))
        )


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest.fixture
def client(authority, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    trusting = tls_context()
    trusting.load_verify_locations(cadata=authority.pem)
    return Client(resolver=NAMES, tls=trusting)


@pytest.fixture
def server_tls(authority, tmp_path):
    names = [x509.DNSName("hook.example"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    return authority.server_context(tmp_path, *names)


def failure(client, url, deadline_seconds=5.0, body=b"secret"):
    with pytest.raises(ExchangeFailed) as caught:
        client.post(url, body=body, headers={}, deadline_seconds=deadline_seconds)
    return caught.value


def test_certificate_and_server_name_are_those_of_the_host_and_the_address_is_pinned(
    client, server_tls
):
    asked = []
    server_tls.sni_callback = lambda connection, name, context: asked.append(name)
    with Receiver(Reply(body=b"ok"), tls=server_tls) as receiver:
        answer = client.post(
            f"https://hook.example:{receiver.port}/", body=b"a" * 50_000, headers={}
        )
    assert (answer.body, answer.address, asked) == ("ok", "127.0.0.1", ["hook.example"])
    (request,) = receiver.requests
    assert (request.headers["host"], request.body) == (
        f"hook.example:{receiver.port}",
        b"a" * 50_000,
    )


def test_certificate_for_an_address_is_checked_against_the_address(client, server_tls):
    with Receiver(tls=server_tls) as receiver:
        assert client.post(receiver.url, body=b"", headers={}).status == 200


def test_certificate_of_another_name_is_refused_before_anything_is_sent(client, server_tls):
    with Receiver(tls=server_tls) as receiver:
        failed = failure(client, f"https://other.example:{receiver.port}/")
    assert (failed.kind, failed.message, failed.address, receiver.requests) == (
        "tls",
        "The receiver's certificate is not valid: "
        "Hostname mismatch, certificate is not valid for 'other.example'.",
        "127.0.0.1",
        [],
    )


def test_certificate_of_an_unknown_authority_is_refused(client, server_tls):
    with Receiver(tls=server_tls) as receiver:
        failed = failure(Client(resolver=NAMES), f"https://hook.example:{receiver.port}/")
    assert (failed.kind, failed.message) == (
        "tls",
        "The receiver's certificate is not valid: unable to get local issuer certificate.",
    )


def test_certificate_that_has_expired_is_refused(client, authority, tmp_path):
    expired = authority.server_context(tmp_path, x509.DNSName("hook.example"), days=-1)
    with Receiver(tls=expired) as receiver:
        failed = failure(client, f"https://hook.example:{receiver.port}/")
    assert (failed.kind, failed.message) == (
        "tls",
        "The receiver's certificate is not valid: certificate has expired.",
    )


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1 is deprecated:DeprecationWarning")
def test_tls_before_1_2_is_refused(client, server_tls):
    server_tls.set_ciphers("ALL:@SECLEVEL=0")
    server_tls.minimum_version = server_tls.maximum_version = ssl.TLSVersion.TLSv1_1
    with Receiver(tls=server_tls) as receiver:
        failed = failure(client, f"https://hook.example:{receiver.port}/")
    assert (failed.kind, receiver.requests) == ("tls", [])


def test_tls_1_2_is_enough(client, server_tls):
    server_tls.maximum_version = ssl.TLSVersion.TLSv1_2
    with Receiver(tls=server_tls) as receiver:
        answer = client.post(f"https://hook.example:{receiver.port}/", body=b"", headers={})
    assert answer.status == 200


@pytest.mark.parametrize("says", [b"", b"HTTP/1.1 200 OK\r\n\r\n", b"\x15\x03\x03\0\x02\x02\x28"])
def test_receiver_that_does_not_speak_tls_is_a_failure_of_tls(client, says):
    with Receiver(raw(says), is_deaf=True) as receiver:
        failed = failure(client, f"https://hook.example:{receiver.port}/")
    assert (failed.kind, failed.message) == ("tls", "The TLS handshake with the receiver failed.")


@pytest.mark.parametrize(
    "behaviour", [hang, drip(b"\x16\x03\x03\x40\0", b"\0")], ids=["hang", "drip"]
)
def test_slow_handshake_is_cut_by_the_wall_clock(client, behaviour):
    with Receiver(behaviour, is_deaf=True) as receiver:
        url = f"https://hook.example:{receiver.port}/"
        failed = failure(client, url, deadline_seconds=0.3)
    assert (failed.kind, 300 <= failed.duration_ms < 9000) == ("timeout", True)


def test_slow_handshake_gets_less_than_the_whole_time(client, monkeypatch):
    monkeypatch.setattr("webhooks.dialling.TLS_SECONDS", 0.1)
    with Trap() as trap:
        failed = failure(client, f"https://hook.example:{trap.port}/")
    assert (failed.kind, failed.duration_ms < 4000) == ("tls", True)


@pytest.mark.parametrize(
    "behaviour",
    [hang, drip(b"HTTP/1.1 200 OK\r\nX-A: ", b"x"), drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x")],
    ids=["hang", "header", "body"],
)
def test_slow_answer_over_tls_is_cut_by_the_wall_clock(client, server_tls, behaviour):
    with Receiver(behaviour, tls=server_tls) as receiver:
        url = f"https://hook.example:{receiver.port}/"
        failed = failure(client, url, deadline_seconds=0.3)
    assert (failed.kind, 300 <= failed.duration_ms < 9000) == ("timeout", True)


@pytest.mark.parametrize("pause", [PATIENCE_SECONDS, 0.02], ids=["not", "slowly"])
def test_receiver_that_does_not_read_over_tls_is_cut_by_the_wall_clock(client, server_tls, pause):
    failed_already = threading.Event()

    def read_slowly(connection):
        while not failed_already.wait(pause):
            connection.recv(65_536)

    with Receiver(read_slowly, tls=server_tls, is_deaf=True) as receiver:
        url = f"https://hook.example:{receiver.port}/"
        failed = failure(client, url, deadline_seconds=0.3, body=bytes(32 << 20))
        failed_already.set()
    assert (failed.kind, 300 <= failed.duration_ms < 9000) == ("timeout", True)


def test_huge_body_over_tls_is_cut_off(client, server_tls):
    endless = drip(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536, seconds=0)
    with Receiver(endless, tls=server_tls) as receiver:
        answer = client.post(f"https://hook.example:{receiver.port}/", body=b"", headers={})
    assert (answer.status, answer.body) == (200, "x" * 4096)
