"""Pairing: one HTTP request that turns a short code into a device token."""

import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any

import msgspec

from agent import __version__, identity
from agent.errors import AgentError

TIMEOUT_SECONDS = 15


@dataclass(frozen=True)
class PairingRequest:
    """`url` is the gateway's address, `kind` one of android, modem, simulated."""

    url: str
    code: str
    kind: str
    name: str | None = None

    def body(self) -> bytes:
        """The JSON of docs/device-protocol.md, "Pairing"."""
        fields: dict[str, Any] = {
            "code": self.code,
            "kind": self.kind,
            "app": {"name": "agent", "version": __version__},
        }
        if self.name:
            fields["name"] = self.name
        if self.kind == "simulated":
            fields["model"] = "Simulated phone"
        return json.dumps(fields).encode()


class PairingAnswer(msgspec.Struct, rename="camel"):
    """The part of the gateway's answer that the agent itself needs."""

    device_id: str
    device_token: str
    socket_url: str
    name: str = ""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A followed redirect turns POST into GET, and the answer to that would mislead."""

    def redirect_request(self, *arguments: Any, **options: Any) -> None:
        """None: let the redirect be an HTTPError."""


def pair(request: PairingRequest, data_dir: Path) -> dict[str, Any]:
    """Pair, store the identity in `data_dir` and return the gateway's whole answer.

    Raises AgentError with one sentence for each thing that can go wrong.
    """
    if not request.url.startswith(("http://", "https://")):
        raise AgentError(
            f"{request.url} is not an address: it must begin with http:// or https://."
        )
    identity.prepare_folder(data_dir)
    raw = _post(request)
    try:
        answer = msgspec.json.decode(raw, type=PairingAnswer)
        whole: dict[str, Any] = json.loads(raw)
    except ValueError as error:  # msgspec's errors are ValueErrors too
        raise AgentError(
            f"{request.url} did not answer as an SMS gateway does: check the address."
        ) from error
    identity.save(
        data_dir,
        identity.Identity(
            url=request.url,
            socket_url=answer.socket_url,
            token=answer.device_token,
            device_id=answer.device_id,
            name=answer.name,
        ),
    )
    return whole


def _post(request: PairingRequest) -> bytes:
    post = urllib.request.Request(  # noqa: S310 - the caller checked that it is http or https
        f"{request.url.rstrip('/')}/v1/device/pair",
        data=request.body(),
        headers={"Content-Type": "application/json", "User-Agent": f"agent/{__version__}"},
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(post, timeout=TIMEOUT_SECONDS) as answer:
            body: bytes = answer.read(1_000_000)
            return body
    except urllib.error.HTTPError as error:
        with error:
            raise AgentError(_refusal(error)) from None
    except (OSError, HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise AgentError(f"Cannot reach the gateway at {request.url}: {reason}.") from error


def _refusal(error: urllib.error.HTTPError) -> str:
    if error.code == 404:
        return "The gateway does not accept this pairing code: it is wrong, used or expired."
    if error.code == 429:
        seconds = error.headers.get("Retry-After", "60")
        return f"Too many pairing tries: wait {seconds} seconds and try again."
    if error.code in (301, 302, 307, 308):
        return f"The gateway has another address: {error.headers.get('Location')}"
    return f"The gateway refused to pair: it answered {error.code} {error.reason}."
