"""Whatever is sent as a signature: 401 unless it is right, never a server error."""

import hashlib
import hmac
import random

import pytest

from accounts.secrets import encrypt
from integrations.ingress.tests.factories import IngressFactory
from webhooks.signing import verify_mac

BODY = b'{"to": "+6581230000", "text": "Hello"}'
RIGHT = "sha256=" + hmac.new(b"hush", BODY, hashlib.sha256).hexdigest()
ODD = ["\x00", "\xff", "é", "\ud83d", "中", "\N{KELVIN SIGN}", " ", ",", "=", "%00", "0x", "\t"]


def mutated(header: str, chance: random.Random) -> str:
    """`header` with one to three places changed, cut, repeated or moved."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(header) + 1)
        what = chance.choice(["cut", "insert", "replace", "swap", "twice", "before"])
        odd = chance.choice(
            [*ODD, chance.choice("0123456789abcdefghsz"), chr(chance.randrange(256))]
        )
        header = {
            "cut": header[:at],
            "insert": header[:at] + odd + header[at:],
            "replace": header[:at] + odd + header[at + 1 :],
            "swap": header[at:] + header[:at],
            "twice": f"{header},{header}"[:4000],
            "before": odd + header,
        }[what]
    return header


def test_ten_thousand_mutated_signatures_are_just_wrong():
    chance = random.Random(20260612)
    headers = {mutated(RIGHT, chance) for _ in range(18_000)} - {RIGHT, RIGHT.upper()}
    assert len(headers) >= 10_000
    accepted = [header for header in headers if verify_mac("hush", header, BODY)]
    assert [header for header in accepted if header.lower() != RIGHT] == []
    assert verify_mac("hush", RIGHT, BODY) is True


def test_mutated_signatures_over_http_are_401(client, device):
    chance, statuses = random.Random(4821), set()
    for _ in range(4):  # each takes at most 60 wrong ones in a minute
        ingress = IngressFactory(tenant=device.tenant, signing_secret=encrypt("hush"))
        for header in [*ODD, *(mutated(RIGHT, chance) for _ in range(40))]:
            answer = client.generic(
                "POST",
                f"/v1/ingress/{ingress.secret_token}",
                BODY,
                "application/json",
                # As a WSGI server gives it: bytes read as Latin-1.
                HTTP_X_WEBHOOK_SIGNATURE=header.encode("utf-8", "replace").decode("latin-1"),
            )
            is_right = header.lower() == RIGHT
            statuses.add((is_right, answer.status_code, answer.json().get("error")))
    assert (False, 401, "unauthorized") in statuses
    assert statuses <= {(False, 401, "unauthorized"), (True, 202, None)}


@pytest.mark.parametrize("at", range(0, len(BODY), 5))
def test_signature_of_another_body_is_wrong(at):
    assert verify_mac("hush", RIGHT, BODY[:at] + b"X" + BODY[at + 1 :]) is False
