"""Secrets at rest: keyed hashes for what is only compared, encryption for what is used again.

API keys look like the contract's `sk_live_` and 40 characters. The last six are a CRC-32 in base 62
(GitHub's token format), so that a typo is told from an unknown key without asking the database.
"""

import hashlib
import hmac
import secrets
import string
import zlib
from base64 import urlsafe_b64encode

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

_ALPHABET = string.digits + string.ascii_letters
_RANDOM_CHARACTERS = 34
_CHECK_CHARACTERS = 6


def keyed_hash(secret: str) -> str:
    """HMAC-SHA256 of `secret` under the pepper, as 64 hex digits."""
    return hmac.new(settings.KEY_PEPPER.encode(), secret.encode(), hashlib.sha256).hexdigest()


def new_api_key(prefix: str) -> str:
    """`prefix` (`sk_live_`, `sk_test_`), 34 random characters and 6 of checksum."""
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_CHARACTERS))
    return body + _checksum(body)


def has_valid_checksum(key: str) -> bool:
    """Whether the last six characters fit the rest."""
    body, check = key[:-_CHECK_CHARACTERS], key[-_CHECK_CHARACTERS:]
    return hmac.compare_digest(_checksum(body).encode(), check.encode("utf-8", "replace"))


def new_token(prefix: str) -> str:
    """`prefix` and 43 URL-safe characters (256 random bits)."""
    return prefix + secrets.token_urlsafe(32)


def encrypt(secret: str) -> str:
    """`secret` encrypted with the newest of `ENCRYPTION_KEYS`."""
    return _fernet().encrypt(secret.encode()).decode()


def decrypt(stored: str) -> str:
    """The secret behind `stored`.

    Raises ValueError when none of `ENCRYPTION_KEYS` made it.
    """
    try:
        return _fernet().decrypt(stored.encode()).decode()
    except InvalidToken as error:
        raise ValueError("this secret was encrypted with a key that is not configured") from error


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode("utf-8", "replace"))
    digits = []
    for _ in range(_CHECK_CHARACTERS):
        number, digit = divmod(number, 62)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def _fernet() -> MultiFernet:
    return MultiFernet(
        [
            Fernet(urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))
            for key in settings.ENCRYPTION_KEYS
        ]
    )
