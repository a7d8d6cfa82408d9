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
    "at", ["1700000000", "", "now", "9" * 30, "\u0665", pytest.param(None, id="in two days")]
)
def test_impossible_time_is_refused(app, at):
    if at is None:
        at = str(int(time.time()) + 2 * 86_400)
    with pytest.raises(InvalidSignature):
        verify(app, BODY, signature=sign("s3cr3t-key", BODY, at), timestamp=at)


def test_another_key_is_refused(app):
    at = str(int(time.time()))
    with pytest.raises(InvalidSignature):
        verify(app, BODY, signature=sign("other", BODY, at), timestamp=at)


@pytest.mark.parametrize("signature", ["", "x", "\xff", KNOWN])
def test_no_signature_is_refused(app, signature):
    with pytest.raises(InvalidSignature):
        verify(app, BODY, signature=signature, timestamp=str(int(time.time())))


def test_urls_secret_is_one_phones():
    mine, other = Device(), Device()
    assert is_path_secret(mine, path_secret(mine)) is True
    assert is_path_secret(other, path_secret(mine)) is False
    assert is_path_secret(mine, "é") is False
