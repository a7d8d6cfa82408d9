"""Prebuilt HTTP requests, so that the client has nothing to make while it measures."""

import json
from collections.abc import Iterator
from itertools import cycle

FIRST_NUMBER = 6581230000
BATCH = 1000
_SINGLES = 20_000
_BATCHES = 50


def recipient(number: int) -> str:
    """A phone number (E.164), a different one for each `number`."""
    return f"+{FIRST_NUMBER + number}"


def message(number: int) -> dict[str, str]:
    """A message as the API takes it; recipient and text differ with `number`."""
    return {"to": recipient(number), "text": f"Your order {number} is on its way to you."}


def single_requests(api_key: str) -> Iterator[bytes]:
    """POST /v1/messages, 20,000 different ones over and over."""
    numbers = range(_SINGLES)
    return cycle([post(api_key, "/v1/messages", message(number)) for number in numbers])


def batch_requests(api_key: str) -> Iterator[bytes]:
    """POST /v1/messages/batch with 1,000 messages, 50 different ones over and over."""
    starts = range(0, _BATCHES * BATCH, BATCH)
    batches = ([message(number) for number in range(first, first + BATCH)] for first in starts)
    return cycle([post(api_key, "/v1/messages/batch", {"messages": items}) for items in batches])


def post(api_key: str, path: str, body: object) -> bytes:
    """The bytes of a POST of `body` as JSON."""
    content = json.dumps(body, separators=(",", ":")).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def get(api_key: str, path: str) -> bytes:
    """The bytes of a GET."""
    return (
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {api_key}\r\n\r\n"
    ).encode()
