"""Reading a JSON request body into a msgspec struct, with errors that name the field."""

import json
import re
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec
from django.conf import settings
from django.http import HttpRequest

from accounts.errors import InvalidInput, Issue, PayloadTooLarge, UnsupportedMediaType

T = TypeVar("T")

MAX_DEPTH = 20
# Characters that PostgreSQL or UTF-8 cannot hold, as JSON escapes; looked for in the bytes.
_UNSTORABLE_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_WHERE = re.compile(r" - at (?:`key` in )?`\$(?P<path>[^`]*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<field>[^`]*)`")
_JSON_TYPE = re.compile(r"^application/(?:[\w.+-]+\+)?json\s*(?:;|$)", re.ASCII | re.IGNORECASE)


def read_body(request: HttpRequest, shape: type[T], *, max_bytes: int | None = None) -> T:
    """The request's JSON body as `shape`.

    Raises UnsupportedMediaType, PayloadTooLarge, or InvalidInput with the path of what is wrong.
    """
    return decode(read_json_bytes(request, max_bytes=max_bytes), shape)


def read_json_bytes(request: HttpRequest, *, max_bytes: int | None = None) -> bytes:
    """The raw body of a request that says it is JSON; can be read once.

    Raises UnsupportedMediaType or PayloadTooLarge.
    """
    if not _JSON_TYPE.match(request.META.get("CONTENT_TYPE", "")):
        raise UnsupportedMediaType
    limit = max_bytes or settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    body = request.read(limit + 1)
    if len(body) > limit:
        raise PayloadTooLarge(f"The request body may have at most {limit:,} bytes.")
    return body


def decode(body: bytes, shape: type[T]) -> T:
    """`body` as `shape`; raises InvalidInput."""
    _refuse_unstorable(body)
    return decode_envelope(body, shape)


def decode_envelope(body: bytes, shape: type[T]) -> T:
    """As `decode`, for a `shape` that leaves its content as `msgspec.Raw`, to be decoded later.

    A NUL character in there is then the mistake of that part and not of the whole.
    """
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        raise InvalidInput(issues=(issue_of(error),)) from error
    except RecursionError as error:
        raise _too_deep("") from error
    except ValueError as error:
        _refuse_unstorable(body)  # names the lone surrogate, if that is the reason
        raise _malformed(error) from error


def check_depth(value: Any, path: str) -> None:
    """Refuse free JSON that is nested deeper than 20 levels; raises InvalidInput."""
    for _, _, depth in _walk(value, path):
        if depth > MAX_DEPTH:
            raise _too_deep(path)


def issue_of(error: msgspec.ValidationError, parent: str = "") -> Issue:
    """msgspec's sentence as an issue with a dotted path below `parent`."""
    text = str(error)
    where = _WHERE.search(text)
    path = where["path"] if where else ""
    sentence = text[: where.start()] if where else text
    missing = _MISSING.match(sentence)
    if missing:
        path = f"{path}.{missing['field']}"
        return Issue(_join(parent, path), "required", f"{missing['field']} is required.")
    code = "invalid_type" if "`, got `" in sentence else "invalid_value"
    return Issue(_join(parent, path), code, f"{sentence.replace('`', '')}.")


def _join(parent: str, path: str) -> str:
    return (parent + path).lstrip(".")


def _malformed(error: ValueError) -> InvalidInput:
    return InvalidInput.at("", "malformed_json", f"This is not valid JSON: {error}.")


def _too_deep(path: str) -> InvalidInput:
    return InvalidInput.at(path, "too_deep", f"JSON may be nested at most {MAX_DEPTH} levels deep.")


def _refuse_unstorable(body: bytes) -> None:
    """Raise InvalidInput with the paths of NUL characters and lone surrogates, if there are any.

    Few bodies have such escapes at all, so most are only searched for them. What cannot be read
    here is refused too: the decoder skips over what it does not look for, such as a number of
    5,000 digits, so what is malformed for one parser may be fine for the other.
    """
    if not _UNSTORABLE_ESCAPE.search(body):
        return
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise _too_deep("") from error
    except ValueError as error:
        raise _malformed(error) from error
    issues = tuple(
        Issue(
            _shown(path), "invalid_characters", "NUL characters and lone surrogates cannot be sent."
        )
        for path, text, _ in _walk(value, "")
        if isinstance(text, str) and _UNSTORABLE.search(text)
    )
    if issues:
        raise InvalidInput(issues=issues[:50])


def _shown(path: str) -> str:
    """A path of the client's own keys, fit for an answer."""
    return _UNSTORABLE.sub("\ufffd", path[:200])


def _walk(value: Any, path: str) -> Iterator[tuple[str, Any, int]]:
    """Every (path, value, depth) below `value`, keys included; without recursion."""
    stack = [(path, value, 0)]
    while stack:
        where, item, depth = stack.pop()
        yield where, item, depth
        if isinstance(item, dict):
            for key, child in item.items():
                below = f"{where}.{key}" if where else key
                stack.append((below, child, depth + 1))
                yield where, key, depth
        elif isinstance(item, list):
            stack += [(f"{where}[{i}]", child, depth + 1) for i, child in enumerate(item)]
