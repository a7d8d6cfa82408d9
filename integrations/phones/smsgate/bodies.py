"""Reading what the app sends: its facts are not refused for odd characters."""

from __future__ import annotations

import json
from typing import TypeVar

import msgspec
from django.http import HttpRequest

from accounts.errors import InvalidInput, PayloadTooLarge

T = TypeVar("T")

MAX_BYTES = 1_000_000
MAX_EVENT_BYTES = 10_000_000  # an MMS comes with its pictures


def read_bytes(request: HttpRequest, *, most: int = MAX_BYTES) -> bytes:
    """The raw body; raises PayloadTooLarge."""
    body = request.read(most + 1)
    if len(body) > most:
        raise PayloadTooLarge
    return body


def decode(body: bytes | msgspec.Raw, shape: type[T]) -> T:
    """`body` as `shape`. Raises InvalidInput for what is no JSON, or of another shape."""
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise InvalidInput(f"{error}.") from error
    except (ValueError, RecursionError):
        return _decode_mended(bytes(body), shape)


def _decode_mended(body: bytes, shape: type[T]) -> T:
    """Half an emoji, where a phone cut it, and bytes that are no UTF-8 become "?"."""
    try:
        value = json.loads(body.decode("utf-8", "replace"))
        mended = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
        return msgspec.json.decode(mended, type=shape)
    except (ValueError, RecursionError) as error:
        raise InvalidInput("The body is not the JSON that this path takes.") from error
