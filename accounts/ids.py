"""Public ids: a UUIDv7 in the database, a prefix and 22 base-62 characters in the native API."""

import uuid
from datetime import datetime

import uuid_utils

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Two characters at a time: half the divisions, on a path that runs once for every message.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 22  # 62 ** 22 > 2 ** 128


def new_id() -> uuid.UUID:
    """A fresh UUIDv7 (RFC 9562): ordered by time, so that indexes grow at one end."""
    return uuid.UUID(int=uuid_utils.uuid7().int)


def first_id_of(moment: datetime) -> uuid.UUID:
    """The lowest UUIDv7 of a millisecond: where rows whose ids were made since `moment` begin."""
    milliseconds = min(max(0, int(moment.timestamp() * 1000)), (1 << 48) - 1)
    return uuid.UUID(int=milliseconds << 80)


def encode_id(prefix: str, value: uuid.UUID) -> str:
    """`msg_` and 22 base-62 characters, most significant first."""
    number = value.int
    pairs = []
    for _ in range(_LENGTH // 2):
        number, pair = divmod(number, 3844)
        pairs.append(_PAIRS[pair])
    return prefix + "".join(reversed(pairs))


def decode_id(prefix: str, text: str) -> uuid.UUID | None:
    """The UUID behind `text`, or None for anything that `encode_id` cannot have made."""
    if not text.startswith(prefix) or len(text) != len(prefix) + _LENGTH:
        return None
    number = 0
    for character in text[len(prefix) :]:
        value = _VALUES.get(character)
        if value is None:
            return None
        number = number * 62 + value
    return uuid.UUID(int=number) if number < 1 << 128 else None
