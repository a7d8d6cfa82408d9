"""Signatures: as the standard's vector, its published library and a plain HMAC have them."""

import hashlib
import hmac
import time
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from webhooks.services.endpoints import new_signing_secret
from webhooks.signing import mac_signature, signature_headers, verify_mac

NEW = "whsec_" + b64encode(b"n" * 32).decode()
OLD = "whsec_" + b64encode(b"o" * 32).decode()
BODY = b'{"type":"message.received","text":"gr\xc3\xbc\xc3\x9fe"}'


def headers_for(*secrets, body=BODY, timestamp=None):
    return signature_headers(
        secrets=secrets,
        webhook_id="evt_1",
        timestamp=int(time.time()) if timestamp is None else timestamp,
        body=body,
    )


def plain_hmac(secret, body=BODY):
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_standard_signature_is_that_of_the_published_vector():
    headers = signature_headers(
        secrets=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        webhook_id="msg_p5jXN8AQM9LWM0D4loKWxJek",
        timestamp=1614265330,
        body=b'{"test": 2432232314}',
    )
    assert {name: headers[name] for name in headers if name.startswith("webhook")} == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_one_secret_makes_exactly_four_headers():
    assert sorted(headers_for(NEW)) == [
        *("X-MAC-Signature", "webhook-id", "webhook-signature", "webhook-timestamp")
    ]


def test_native_signature_is_a_plain_hmac_keyed_by_the_secret_as_it_is_shown():
    assert headers_for(NEW)["X-MAC-Signature"] == plain_hmac(NEW)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_published_library_verifies_what_a_fresh_secret_signed(text):
    secret = new_signing_secret()
    body = text.encode()
    assert (Webhook(secret).verify(body, headers_for(secret, body=body), json_parse=False)) is None


def test_published_library_refuses_another_body():
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(BODY + b" ", headers_for(NEW))


def test_rotation_satisfies_holders_of_either_secret():
    headers = headers_for(NEW, OLD)
    for secret in (NEW, OLD):
        assert Webhook(secret).verify(BODY, headers, json_parse=False) is None
    assert headers["X-MAC-Signature"] == plain_hmac(NEW)
    assert headers["X-MAC-Signature-Previous"] == plain_hmac(OLD)


def test_rotation_lists_the_newest_signature_first():
    both = headers_for(NEW, OLD, timestamp=1)["webhook-signature"]
    alone = [headers_for(secret, timestamp=1)["webhook-signature"] for secret in (NEW, OLD)]
    assert both.split(" ") == alone


def test_rotation_does_not_satisfy_the_holder_of_a_third_secret():
    other = "whsec_" + b64encode(b"x" * 32).decode()
    with pytest.raises(WebhookVerificationError):
        Webhook(other).verify(BODY, headers_for(NEW, OLD))


def test_without_a_secret_nothing_is_signed():
    assert headers_for(timestamp=5) == {"webhook-id": "evt_1", "webhook-timestamp": "5"}


@pytest.mark.parametrize("secret", ["", "secret", "whsec_***", "whsec_a", "WHSEC_YWJj"])
def test_secret_of_another_shape_is_an_error(secret):
    with pytest.raises(ValueError, match="whsec_|base64|padding"):
        headers_for(secret)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.binary())
def test_mac_verifies_what_it_signed(secret, body):
    header = mac_signature(secret, body)
    assert verify_mac(secret, header, body) is True
    assert verify_mac(secret, header, body + b"x") is False
    assert verify_mac(secret + "x", header, body) is False


def test_mac_in_upper_case_is_right():
    assert verify_mac(NEW, "SHA256=" + plain_hmac(NEW)[7:].upper(), BODY) is True


@pytest.mark.parametrize("place", range(71))
def test_mac_with_one_character_changed_is_wrong(place):
    header = plain_hmac(NEW)
    changed = header[:place] + ("0" if header[place] != "0" else "1") + header[place + 1 :]
    assert verify_mac(NEW, changed, BODY) is False


@pytest.mark.parametrize(
    "header",
    [
        *("", "sha256=", "sha256", "v1", "v1,a,b", "\xff", "\0", "\ud800", "sha1=abc"),
        plain_hmac(NEW)[7:],
        plain_hmac(NEW)[:-1],
        plain_hmac(NEW) + "0",
        plain_hmac(NEW) + "\n",
        " " + plain_hmac(NEW),
    ],
)
def test_mac_that_is_malformed_is_wrong_and_no_crash(header):
    assert verify_mac(NEW, header, BODY) is False


@given(st.text())
def test_mac_of_any_text_is_wrong_and_no_crash(header):
    assert verify_mac(NEW, header, BODY) is False
