"""Who posts an event: the URL that only its phone was given, and a signature with its key."""

from __future__ import annotations

import hashlib
import hmac
import time

from accounts.secrets import decrypt, keyed_hash
from devices.models import Device
from integrations.phones.smsgate.errors import InvalidSignature
from integrations.phones.smsgate.models import PairedApp

SECRET_LENGTH = 32
TRUSTED_SKEW = 5 * 60
MOST_SKEW = 24 * 60 * 60


def path_secret(device: Device) -> str:
    """The unguessable part of the URL that the phone posts to; made anew each time it is told."""
    return keyed_hash(f"smsgate inbound {device.public_id}")[:SECRET_LENGTH]


def is_path_secret(device: Device, secret: str) -> bool:
    """Whether `secret` is that part."""
    return hmac.compare_digest(path_secret(device).encode(), secret.encode())


def sign(key: str, body: bytes, timestamp: str) -> str:
    """The app's signature: lowercase hex HMAC-SHA256 over the raw body and the X-Timestamp."""
    return hmac.new(key.encode(), body + timestamp.encode(), hashlib.sha256).hexdigest()


def verify(app: PairedApp, body: bytes, *, signature: str, timestamp: str) -> int:
    """How many seconds the phone's clock is ahead; each try is signed with a fresh time.

    Raises InvalidSignature, also for a clock that is wrong by more than a day.
    """
    expected = sign(decrypt(app.signing_key), body, timestamp)
    if not hmac.compare_digest(expected.encode(), signature.lower().encode()):
        raise InvalidSignature
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise InvalidSignature
    skew = int(timestamp) - int(time.time())
    if abs(skew) > MOST_SKEW:
        raise InvalidSignature("The phone's clock is wrong by more than a day.")
    return skew
