"""Pairing over real HTTP with a gateway of a few lines."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.cli import main
from agent.identity import Identity, load

ANSWER = {
    "deviceId": "dev_1",
    "deviceToken": "dt_secret",
    "name": "Front desk",
    "socketUrl": "ws://127.0.0.1:1/ws/device",
    "apiKey": "sk_live_1",
    "signingSecret": "whsec_1",
}


class PairingServer(HTTPServer):
    """Answers each POST with `status`, `headers` and `body`, and keeps what it was sent."""

    status = 201
    headers: dict[str, str] = {}
    body: bytes = json.dumps(ANSWER).encode()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: PairingServer

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.requests.append((self.path, json.loads(self.rfile.read(length))))
        self.send_response(self.server.status)
        for name, value in self.server.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the tests' output is for the tests."""


@pytest.fixture
def server() -> Iterator[PairingServer]:
    with PairingServer() as pairing_server:
        thread = threading.Thread(target=pairing_server.serve_forever, args=(0.01,))
        thread.start()
        yield pairing_server
        pairing_server.shutdown()
        thread.join()


def pair_command(url: str, data_dir: Path, *more: str) -> list[str]:
    return ["pair", "--url", url, "--code", "12345678", "--data-dir", str(data_dir), *more]


def test_pair_stores_the_identity_for_its_owner_only(
    server: PairingServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "phone"
    assert main(pair_command(server.url + "/", folder, "--name", "Front desk")) == 0
    assert server.requests == [
        (
            "/v1/device/pair",
            {
                "code": "12345678",
                "name": "Front desk",
                "model": "Simulated phone",
                "kind": "simulated",
                "app": {"name": "agent", "version": "1.0.0"},
            },
        )
    ]
    assert load(folder) == Identity(
        server.url + "/", "ws://127.0.0.1:1/ws/device", "dt_secret", "dev_1", "Front desk"
    )
    assert (folder / "agent.json").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    assert capsys.readouterr().out.splitlines() == [
        f"Paired as Front desk (dev_1); start it with: python -m agent run --data-dir {folder}",
        "API key (shown this once): sk_live_1",
        "Signing secret (shown this once): whsec_1",
    ]


@pytest.mark.parametrize(
    ("radio", "kind"),
    [("modemmanager", "modem"), ("termux", "android"), ("simulated", "simulated")],
)
def test_kind_is_what_the_radio_is(
    server: PairingServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    radio: str,
    kind: str,
) -> None:
    assert main(pair_command(server.url, tmp_path, "--radio", radio)) == 0
    assert main(pair_command(server.url, tmp_path, "--radio", radio, "--kind", "android")) == 0
    assert [body["kind"] for _, body in server.requests] == [kind, "android"]
    option = "" if radio == "simulated" else f" --radio {radio}"
    first = capsys.readouterr().out.splitlines()[0]
    assert first.endswith(f"python -m agent run{option} --data-dir {tmp_path}")


def test_pair_again_replaces_the_identity_and_its_mode(
    server: PairingServer, tmp_path: Path
) -> None:
    (tmp_path / "agent.json").write_text("{}")
    assert main(pair_command(server.url, tmp_path)) == 0
    assert load(tmp_path).token == "dt_secret"
    assert (tmp_path / "agent.json").stat().st_mode & 0o777 == 0o600


def test_pair_json_prints_the_whole_answer(
    server: PairingServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(pair_command(server.url, tmp_path, "--json", "--kind", "modem")) == 0
    assert json.loads(capsys.readouterr().out) == ANSWER
    assert server.requests[0][1]["kind"] == "modem"


@pytest.mark.parametrize(
    ("status", "headers", "sentence"),
    [
        (404, {}, "The gateway does not accept this pairing code: it is wrong, used or expired."),
        (
            429,
            {"Retry-After": "37"},
            "Too many pairing tries: wait 37 seconds and try again.",
        ),
        (
            301,
            {"Location": "https://sms.example/v1/device/pair"},
            "The gateway has another address: https://sms.example/v1/device/pair",
        ),
        (
            500,
            {},
            "The gateway refused to pair: it answered 500 Internal Server Error.",
        ),
    ],
)
def test_refused_pairing_gives_one_sentence(
    server: PairingServer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    status: int,
    headers: dict[str, str],
    sentence: str,
) -> None:
    server.status, server.headers = status, headers
    assert main(pair_command(server.url, tmp_path)) == 1
    assert capsys.readouterr().err == sentence + "\n"
    assert not (tmp_path / "agent.json").exists()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b'{"deviceId": "dev_1"}', b"\xff"])
def test_answer_of_another_server_is_not_stored(
    server: PairingServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], body: bytes
) -> None:
    server.body = body
    assert main(pair_command(server.url, tmp_path)) == 1
    assert capsys.readouterr().err == (
        f"{server.url} did not answer as an SMS gateway does: check the address.\n"
    )
    assert not (tmp_path / "agent.json").exists()


def test_unreachable_gateway_gives_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(pair_command("http://127.0.0.1:1", tmp_path)) == 1
    sentence = "Cannot reach the gateway at http://127.0.0.1:1: [Errno 111] Connection refused.\n"
    assert capsys.readouterr().err == sentence


def test_address_without_scheme_gives_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(pair_command("sms.example", tmp_path)) == 1
    sentence = "sms.example is not an address: it must begin with http:// or https://.\n"
    assert capsys.readouterr().err == sentence


def test_unwritable_folder_is_found_before_the_code_is_used_up(
    server: PairingServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "phone"
    assert main(pair_command(server.url, folder)) == 1
    assert capsys.readouterr().err == f"Cannot write to the folder {folder}: Not a directory.\n"
    assert server.requests == []
