"""From the bytes that a business system posts to a JSON value.

Senders are sloppy: what says that it is a form, or says nothing, and is JSON all the same is read
as JSON. What says that it is something else, such as XML, is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import QueryDict
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from accounts.api.bodies import check_depth, decode
from accounts.errors import InvalidInput, PayloadTooLarge, UnsupportedMediaType

_JSON = re.compile(r"application/(?:[\w.+-]+\+)?json", re.ASCII)
_URLENCODED = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
# Said by senders that have not thought about it (curl -d says urlencoded).
_NO_OPINION = ("", "text/plain", "text/json", "application/octet-stream", _URLENCODED)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"  # .NET writes it


@dataclass(frozen=True, slots=True)
class Posted:
    """One request to an ingress URL: its raw body, and the headers that matter."""

    body: bytes
    content_type: str = ""
    signature: str = ""
    idempotency_key: str | None = None


def check_size(posted: Posted) -> None:
    """Raise PayloadTooLarge above a megabyte."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    if len(posted.body) > limit:
        raise PayloadTooLarge(f"The request body may have at most {limit:,} bytes.")


def read_payload(content_type: str, body: bytes) -> Any:
    """The body as decoded JSON; a form is an object of strings.

    Raises UnsupportedMediaType, or InvalidInput for what is malformed, nested deeper than 20
    levels, or has characters that cannot be stored.
    """
    kind = content_type.partition(";")[0].strip().lower()
    body = body.removeprefix(_BYTE_ORDER_MARK)
    looks_like_json = body.lstrip()[:1] in (b"{", b"[")
    if _JSON.fullmatch(kind) or (kind in _NO_OPINION and looks_like_json):
        payload = decode(body, object)
    elif kind in (_URLENCODED, _MULTIPART):
        payload = _object_of(_form(kind, content_type, body))
    else:
        raise UnsupportedMediaType(
            "Send the body as JSON with 'Content-Type: application/json', or as a form."
        )
    check_depth(payload, "")
    return payload


def _form(kind: str, content_type: str, body: bytes) -> QueryDict:
    """The fields of a form, at most 1,000; files in it are skipped."""
    meta = {"CONTENT_TYPE": content_type, "CONTENT_LENGTH": str(len(body))}
    try:
        if kind == _URLENCODED:
            return QueryDict(body, encoding="utf-8")
        fields, _ = MultiPartParser(meta, BytesIO(body), [], encoding="utf-8").parse()
    # Too many fields are suspicious; an unknown encoding of a parameter is a ValueError.
    except (MultiPartParserError, SuspiciousOperation, ValueError) as error:
        text = "This is not a well-formed form, or it has more than 1,000 fields."
        raise InvalidInput.at("", "malformed_form", text) from error
    return fields


def _object_of(form: QueryDict) -> dict[str, Any]:
    """A form as an object: a field that comes again is an array."""
    fields: dict[str, Any] = {}
    for name, values in form.lists():
        if any("\x00" in text for text in (name, *values)):
            shown = name.replace("\x00", "\ufffd")[:200]
            text = "NUL characters cannot be sent."
            raise InvalidInput.at(shown, "invalid_characters", text)
        read = [_value_of(text) for text in values]
        fields[name] = read[0] if len(read) == 1 else read
    return fields


def _value_of(text: str) -> Any:
    """A field's text, or the JSON object in it: some products post `payload={…}`.

    Only objects, because a text may well be in brackets, or a number that keeps its zeros.
    """
    if not text.startswith("{"):
        return text
    try:
        return decode(text.encode(), object)
    except InvalidInput:
        return text
