"""The format of keys, keyed hashes, and encryption at rest."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.secrets import (
    decrypt,
    encrypt,
    has_valid_checksum,
    keyed_hash,
    new_api_key,
    new_token,
)


@pytest.mark.parametrize("prefix", ["sk_live_", "sk_test_"])
def test_api_key_is_its_prefix_and_40_characters(prefix):
    key = new_api_key(prefix)
    assert re.fullmatch(prefix + "[0-9A-Za-z]{40}", key) is not None
    assert has_valid_checksum(key) is True


def test_api_keys_differ():
    assert len({new_api_key("sk_live_") for _ in range(1000)}) == 1000


@given(st.integers(0, 47), st.sampled_from(string.ascii_letters + string.digits))
def test_checksum_finds_every_single_wrong_character(place, character):
    key = new_api_key("sk_live_")
    mistyped = key[:place] + character + key[place + 1 :]
    assert has_valid_checksum(mistyped) is (mistyped == key)


@given(st.integers(8, 46))
def test_checksum_finds_swapped_neighbours(place):
    key = new_api_key("sk_live_")
    swapped = key[:place] + key[place + 1] + key[place] + key[place + 2 :]
    assert has_valid_checksum(swapped) is (swapped == key)


@given(st.text(max_size=60))
def test_checksum_of_any_text_is_an_answer_and_no_crash(text):
    assert has_valid_checksum(text) is False


def test_keyed_hash_is_64_hex_digits_and_depends_on_the_pepper(settings):
    first = keyed_hash("secret")
    assert (re.fullmatch("[0-9a-f]{64}", first) is not None, keyed_hash("secret")) == (True, first)
    settings.KEY_PEPPER = "another pepper"
    assert keyed_hash("secret") != first


def test_token_is_its_prefix_and_43_url_safe_characters():
    assert re.fullmatch(r"dt_[0-9A-Za-z_-]{43}", new_token("dt_")) is not None


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_decrypt_undoes_encrypt(secret):
    assert decrypt(encrypt(secret)) == secret


def test_encrypt_makes_something_else_each_time():
    assert len({encrypt("secret") for _ in range(3)} | {"secret"}) == 4


def test_rotation_keeps_old_secrets_readable_and_writes_with_the_new_key(settings):
    settings.ENCRYPTION_KEYS = ["old"]
    stored_before = encrypt("secret")
    settings.ENCRYPTION_KEYS = ["new", "old"]
    stored_after = encrypt("secret")
    assert decrypt(stored_before) == "secret"
    settings.ENCRYPTION_KEYS = ["new"]
    assert decrypt(stored_after) == "secret"


def test_decrypt_says_that_the_key_is_not_configured(settings):
    settings.ENCRYPTION_KEYS = ["old"]
    stored = encrypt("secret")
    settings.ENCRYPTION_KEYS = ["new"]
    with pytest.raises(ValueError, match="not configured"):
        decrypt(stored)
