"""What of a payload becomes recipient, text and ref."""

import time

import pytest

from integrations.ingress.extraction import Extraction, FieldPaths, extract

PATHS = FieldPaths(to=("to", "phone"), text=("text",), ref=("ref",))


def found_in(payload, paths: FieldPaths = PATHS) -> tuple[str, str, str]:
    extraction = extract(payload, paths)
    return extraction.to, extraction.text, extraction.ref


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("+6581230000", "+6581230000"),
        (" +6581230000 ", "+6581230000"),
        (6581230000, "6581230000"),
        (6581230000.0, "6581230000"),
        (-1, "-1"),
        (0, "0"),
        (1.5, "1.5"),
        (["", None, "+6581230000", "+6581230001"], "+6581230000"),
        ([6581230000], "6581230000"),
        ("", ""),
        (" \n", ""),
        (None, ""),
        (True, ""),
        (False, ""),
        ({"number": "+6581230000"}, ""),
        ([["+6581230000"]], ""),
        ([], ""),
        (10**64, ""),
        (-(10**4000), ""),
        (float("inf"), ""),
        (float("nan"), ""),
        (1e300, ""),
    ],
)
def test_value_becomes_text_or_nothing(value, text):
    assert extract({"to": value}, PATHS).to == text


def test_next_path_is_tried_when_a_value_is_not_usable():
    extraction = extract({"to": False, "phone": 6581230000, "text": "Hello"}, PATHS)
    assert extraction == Extraction(
        to="6581230000",
        text="Hello",
        ref="",
        found={"to": ["phone"], "text": ["text"], "ref": []},
        tried={"to": ["to", "phone"], "text": ["text"]},
    )


def test_text_is_kept_as_it_is():
    assert found_in({"to": "1", "text": "  Hello\r\n", "ref": " 7 "}) == ("1", "  Hello\r\n", "7")


@pytest.mark.parametrize("payload", [None, [], {}, "text", 1, True, [[]], {"": {}}])
def test_nothing_is_found_in_what_has_nothing(payload):
    extraction = extract(payload, PATHS)
    assert (found_in(payload), extraction.missing) == (("", "", ""), ["to", "text"])


TEMPLATE = FieldPaths(
    to=("to",),
    text=("$.items[0].name", "customer.name", "total"),
    ref=(),
    template="Dear {{customer.name}}, {{ $.items[0].name }} is {{total}}.",
)


def test_template_composes_the_text_of_several_fields():
    payload = {"customer": {"name": "Mei"}, "items": [{"name": "Tea"}], "total": 4.5}
    extraction = extract(payload, TEMPLATE)
    assert extraction.text == "Dear Mei, Tea is 4.5."
    assert extraction.found["text"] == list(TEMPLATE.text)


def test_placeholder_without_a_value_is_empty_and_none_is_read_twice():
    extraction = extract({"customer": {"name": "{{total}}"}}, TEMPLATE)
    assert extraction.text == "Dear {{total}},  is ."
    assert extraction.found["text"] == ["customer.name"]


def test_template_that_renders_to_nothing_is_missing():
    paths = FieldPaths(to=("to",), text=("a", "b"), ref=(), template="{{a}} {{b}}")
    assert extract({"to": "1"}, paths).missing == ["text"]


def test_work_on_a_hostile_payload_is_bounded():
    long = "x" * 900_000
    payload = {"to": ["" for _ in range(200_000)], "text": long, "total": long}
    repeated = FieldPaths(to=("to",), text=("total",), ref=("to",), template="{{total}}" * 170)
    began = time.process_time()
    assert len(extract(payload, repeated).text) == 16_000
    assert time.process_time() - began < 0.5
