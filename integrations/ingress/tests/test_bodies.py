"""Reading what business systems post: JSON, forms, and sloppy content types."""

import pytest

from accounts.errors import InvalidInput, UnsupportedMediaType
from integrations.ingress.bodies import read_payload

URLENCODED = "application/x-www-form-urlencoded"
MULTIPART = (
    b'--B\r\nContent-Disposition: form-data; name="to"\r\n\r\n+6581230000\r\n'
    b'--B\r\nContent-Disposition: form-data; name="text"\r\n\r\nGr\xc3\xbc\xc3\x9fe\r\n'
    b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nfile\r\n--B--\r\n'
)
A_FILE = b'--B\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nx\r\n'


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "application/json; charset=utf-8", "APPLICATION/JSON"]
    + ["application/vnd.api+json", "application/problem+json;x=y", "text/json"]
    + ["", "text/plain", "text/plain;charset=utf-8", "application/octet-stream", URLENCODED],
)
def test_json_is_read_whatever_it_is_called(content_type):
    assert read_payload(content_type, b' {"a": [1, "x", null]}') == {"a": [1, "x", None]}


def test_byte_order_mark_is_skipped():
    assert read_payload("application/json", b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        (b"to=%2B65+81&text=Gr%C3%BC%C3%9Fe", {"to": "+65 81", "text": "Grüße"}),
        (b"a=1&a=2&b=", {"a": ["1", "2"], "b": ""}),
        (b"zip=01234&text=[x]&n=1.0", {"zip": "01234", "text": "[x]", "n": "1.0"}),
        (b"payload=%7B%22to%22%3A+%22a%22%7D", {"payload": {"to": "a"}}),
        (b"text=%7Bnot+json%7D", {"text": "{not json}"}),
        (b"", {}),
        (b"text=%FF&ref=\xc3\xbf", {"text": "\ufffd", "ref": "ÿ"}),
        (b"text=\xff", {"text": "ÿ"}),  # no UTF-8, so it is Latin-1
    ],
)
def test_form_is_an_object_of_strings(body, fields):
    assert read_payload(URLENCODED, body) == fields


def test_multipart_form_is_read_without_its_files():
    payload = read_payload("multipart/form-data; boundary=B", MULTIPART)
    assert payload == {"to": "+6581230000", "text": "Grüße"}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [("text/xml", b"<a/>"), ("application/xml", b'{"a": 1}'), ("text/html", b"{}")]
    + [("image/png", b"\x89PNG"), ("text/plain", b"Hello"), ("", b"to=1"), ("x", b"{}")],
)
def test_what_is_neither_is_an_unsupported_media_type(content_type, body):
    with pytest.raises(UnsupportedMediaType):
        read_payload(content_type, body)


@pytest.mark.parametrize(
    ("content_type", "body", "code"),
    [
        ("application/json", b"", "malformed_json"),
        ("application/json", b"{", "malformed_json"),
        ("application/json", b'{"a": 1}{}', "malformed_json"),
        ("application/json", b'{"a": "\xff"}', "malformed_json"),
        ("application/json", '{"a": 1}'.encode("utf-16"), "malformed_json"),
        ("application/json", b'{"a": NaN}', "malformed_json"),
        ("application/json", rb'{"a": "\u0000"}', "invalid_characters"),
        ("application/json", rb'{"a": {"b\ud83d": 1}}', "invalid_characters"),
        ("application/json", b"[" * 21 + b"1" + b"]" * 21, "too_deep"),
        ("application/json", b"[" * 100_000, "too_deep"),
        (URLENCODED, b"text=a%00b", "invalid_characters"),
        (URLENCODED, b"a%00=b", "invalid_characters"),
        (URLENCODED, b"p=%7B%22a%22%3A" + b"[" * 20 + b"]" * 20 + b"%7D", "too_deep"),
        ("multipart/form-data", MULTIPART, "malformed_form"),
        ("multipart/form-data; boundary=\xff", MULTIPART, "malformed_form"),
        ("multipart/form-data; boundary*=klingon''B", MULTIPART, "malformed_form"),
        ("multipart/form-data; boundary=B", A_FILE * 101, "malformed_form"),
        (URLENCODED, b"&".join([b"a=1"] * 1001), "malformed_form"),
    ],
)
def test_malformed_body_is_refused(content_type, body, code):
    with pytest.raises(InvalidInput) as refused:
        read_payload(content_type, body)
    assert refused.value.issues[0].code == code


def test_deepest_payload_is_taken():
    body = b"[" * 20 + b"1" + b"]" * 20
    assert str(read_payload("application/json", body)) == body.decode()
