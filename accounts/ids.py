"""Public ids: a UUIDv7 in the database, a prefix and 22 base-62 characters in the native API.

Where a dialect has room for 21 characters only, the six bits that are the same in every UUIDv7 are
left out.
"""

import uuid
from datetime import datetime

import uuid_utils

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Two characters at a time: half the divisions, on a path that runs once for every message.
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 22  # 62 ** 22 > 2 ** 128
_SHORT_LENGTH = 21  # 62 ** 21 > 2 ** 122
_VERSION_AND_VARIANT = 0x7 << 76 | 0x2 << 62


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
    number = _number_of(text[len(prefix) :])
    return uuid.UUID(int=number) if number is not None and number < 1 << 128 else None


def short_id(value: uuid.UUID) -> str:
    """A UUIDv7 as 21 base-62 characters, without a prefix; in the order of time, too."""
    time, rest = value.int >> 80, value.int & ((1 << 62) - 1)
    number = time << 74 | (value.int >> 64 & 0xFFF) << 62 | rest
    characters = []
    for _ in range(_SHORT_LENGTH):
        number, digit = divmod(number, 62)
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))


def decode_short_id(text: str) -> uuid.UUID | None:
    """The UUIDv7 behind `text`, or None for anything that `short_id` cannot have made."""
    number = _number_of(text) if len(text) == _SHORT_LENGTH else None
    if number is None or number >= 1 << 122:
        return None
    time, middle, rest = number >> 74, number >> 62 & 0xFFF, number & ((1 << 62) - 1)
    return uuid.UUID(int=time << 80 | middle << 64 | rest | _VERSION_AND_VARIANT)


def _number_of(text: str) -> int | None:
    """`text` as a number in base 62, if it is one."""
    number = 0
    for character in text:
        value = _VALUES.get(character)
        if value is None:
            return None
        number = number * 62 + value
    return number
