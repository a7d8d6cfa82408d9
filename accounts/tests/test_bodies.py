"""JSON bodies: what is read, and where errors point."""

from typing import Annotated, Any

import msgspec
import pytest
from django.test import RequestFactory

from accounts.api.bodies import check_depth, decode, read_body
from accounts.errors import InvalidInput, PayloadTooLarge, UnsupportedMediaType

DEEP = 100_000


class Item(msgspec.Struct, rename="camel"):
    some_text: str
    count: Annotated[int, msgspec.Meta(ge=1)] = 1


class Body(msgspec.Struct, rename="camel"):
    some_text: str
    items: list[Item] = []
    metadata: dict[str, Any] | None = None


def issues_of(body: bytes) -> list[tuple[str, str]]:
    """(path, code) of each thing that is wrong with `body`."""
    with pytest.raises(InvalidInput) as refused:
        decode(body, Body)
    return [(issue.path, issue.code) for issue in refused.value.issues]


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


@pytest.mark.parametrize(
    ("body", "path", "code"),
    [
        (b"{}", "someText", "required"),
        (b'{"someText": 1}', "someText", "invalid_type"),
        (b'{"someText": null}', "someText", "invalid_type"),
        (b"[]", "", "invalid_type"),
        (b'{"someText": "x", "items": [{"someText": "x"}, {}]}', "items[1].someText", "required"),
        (b'{"someText": "x", "items": [{"someText": 2}]}', "items[0].someText", "invalid_type"),
        (
            b'{"someText": "x", "items": [{"someText": "x", "count": 0}]}',
            "items[0].count",
            "invalid_value",
        ),
        (b'{"someText": "x", "metadata": {"a": 1e400}}', "metadata[...]", "invalid_value"),
        (
            b'{"someText": "x", "metadata": {"a": ' + b"9" * 5000 + b"}}",
            "metadata[...]",
            "invalid_value",
        ),
    ],
)
def test_invalid_value_is_named_by_its_path(body, path, code):
    assert issues_of(body) == [(path, code)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b'{"someText": "x"} trailing',
        b'{"someText": NaN}',
        b'{"someText": "raw \x00"}',
        b'{"someText": "\xff"}',
        b'{"someText": "raw surrogate \xed\xa0\x80"}',
        '\ufeff{"someText": "x"}'.encode(),
        '{"someText": "x"}'.encode("utf-16"),
    ],
)
def test_malformed_json_is_a_validation_error_of_the_whole_body(body):
    assert issues_of(body) == [("", "malformed_json")]


@pytest.mark.parametrize(
    ("body", "paths"),
    [
        (rb'{"someText": "a\u0000b"}', ["someText"]),
        (rb'{"someText": "\ud800"}', ["someText"]),
        (rb'{"someText": "\udc00\ud800"}', ["someText"]),
        (rb'{"someText": "x", "items": [{"someText": "\u0000"}]}', ["items[0].someText"]),
        (rb'{"someText": "x", "metadata": {"deep": {"\u0000": 1}}}', ["metadata.deep"]),
        (rb'{"someText": "x", "metadata": {"list": ["\udfff"]}}', ["metadata.list[0]"]),
        (rb'{"someText": "\u0000", "unknown": "\u0000"}', ["someText", "unknown"]),
        (rb'{"someText": "x", "\ud800": ["\u0000"]}', ["", "\ufffd[0]"]),
    ],
)
def test_nul_and_lone_surrogates_are_named_by_their_paths(body, paths):
    assert sorted(issues_of(body)) == [(path, "invalid_characters") for path in paths]


@pytest.mark.parametrize(
    "elsewhere",
    [
        b"9" * 5000,  # more digits than Python's own parser reads
        b'"\xff"',
        nested(DEEP),
        b"NaN",
    ],
)
def test_nul_does_not_slip_through_beside_what_a_parser_cannot_read(elsewhere):
    body = rb'{"someText": "a\u0000b", "unknown": ' + elsewhere + b"}"
    with pytest.raises(InvalidInput):
        decode(body, Body)


def test_nul_does_not_slip_through_at_the_depth_where_only_one_parser_gives_up():
    for depth in range(900, 1000):
        body = rb'{"someText": "a\u0000b", "unknown": ' + nested(depth) + b"}"
        with pytest.raises(InvalidInput):
            decode(body, Body)


@pytest.mark.parametrize("text", [r"\ud83d\ude00", r"\\u0000", r"\\ud800", r"\u00e9"])
def test_escapes_that_can_be_stored_are_read(text):
    decoded = decode(b'{"someText": "%b"}' % text.encode(), Body)
    assert decoded.some_text == msgspec.json.decode(f'"{text}"')


@pytest.mark.parametrize("name", [b"unknown", b"metadata"])
def test_nesting_without_end_is_refused(name):
    body = b'{"someText": "x", "%b": {"a": %b}}' % (name, nested(DEEP))
    assert issues_of(body) == [("", "too_deep")]


def test_depth_of_free_json_is_at_most_20():
    def levels(depth: int) -> Any:
        return {"a": levels(depth - 1)} if depth else 1

    check_depth(levels(20), "metadata")
    with pytest.raises(InvalidInput) as refused:
        check_depth(levels(21), "metadata")
    assert [(issue.path, issue.code) for issue in refused.value.issues] == [
        ("metadata", "too_deep")
    ]


def test_last_of_duplicate_keys_counts():
    assert decode(b'{"someText": "first", "someText": "last"}', Body).some_text == "last"


def post(body: bytes, content_type: str):
    return RequestFactory().generic("POST", "/", body, content_type)


@pytest.mark.parametrize(
    "content_type",
    ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"],
)
def test_json_content_types_are_read(content_type):
    assert read_body(post(b'{"someText": "x"}', content_type), Body) == Body("x")


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonp", "json"],
)
def test_other_content_types_are_refused(content_type):
    with pytest.raises(UnsupportedMediaType):
        read_body(post(b'{"someText": "x"}', content_type), Body)


def test_body_may_have_exactly_as_many_bytes_as_allowed():
    body = b'{"someText": "x"}'
    read_body(post(body, "application/json"), Body, max_bytes=len(body))
    with pytest.raises(PayloadTooLarge):
        read_body(post(body + b" ", "application/json"), Body, max_bytes=len(body))
