"""What the phone posts is signed."""

import time

import pytest

from accounts.secrets import encrypt
from devices.models import Device
from integrations.phones.smsgate.errors import InvalidSignature
from integrations.phones.smsgate.models import PairedApp
from integrations.phones.smsgate.signatures import is_path_secret, path_secret, sign, verify

BODY = (
    b'{"id":"e1","webhookId":"w1","event":"sms:received","deviceId":"d1",'
    b'"payload":{"message":"hi"}}'
)
KNOWN = "19c755982cda6223ebf02b765d0cc262430d4a91b5ac60744be83de62ccfe5aa"


@pytest.fixture
def app():
    return PairedApp(signing_key=encrypt("s3cr3t-key"))


def test_signature_is_the_apps():
    assert sign("s3cr3t-key", BODY, "1700000000") == KNOWN


@pytest.mark.parametrize("ahead", [0, -86_000, 86_000])
def test_true_signature_tells_how_far_the_clock_is_ahead(app, ahead):
    at = str(int(time.time()) + ahead)
    signature = sign("s3cr3t-key", BODY, at)
    assert abs(verify(app, BODY, signature=signature, timestamp=at) - ahead) <= 1


@pytest.mark.parametrize(
    ("key", "at"),
    [
        ("s3cr3t-key", "1700000000"),
        ("s3cr3t-key", str(int(time.time()) + 2 * 86_400)),
        ("s3cr3t-key", ""),
        ("s3cr3t-key", "now"),
        ("s3cr3t-key", "9" * 30),
        ("s3cr3t-key", "\u0665"),
        ("other", str(int(time.time()))),
    ],
)
def test_another_key_or_an_impossible_time_is_refused(app, key, at):
    with pytest.raises(InvalidSignature):
        verify(app, BODY, signature=sign(key, BODY, at), timestamp=at)


@pytest.mark.parametrize("signature", ["", "x", "\xff", KNOWN])
def test_no_signature_is_refused(app, signature):
    with pytest.raises(InvalidSignature):
        verify(app, BODY, signature=signature, timestamp=str(int(time.time())))


def test_urls_secret_is_one_phones():
    mine, other = Device(), Device()
    assert is_path_secret(mine, path_secret(mine)) is True
    assert is_path_secret(other, path_secret(mine)) is False
    assert is_path_secret(mine, "é") is False
