"""Paths into payloads: which there are, where they lead, and that none costs much."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from integrations.ingress.paths import InvalidPath, look_up, parse_path

PAYLOAD = {
    "to": "a",
    "customer": {"phone": "b", "a b": "c", "x.y": "d", "0": "e"},
    "items": [{"phone": "f"}, {"phone": "g"}],
    "Größe": "h",
    "pairs": [{"key": "mobile", "value": "i"}, {"key": "deep", "value": {"phone": "j"}}],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("to", "a"),
        ("customer.phone", "b"),
        ("customer.a b", "c"),
        ("customer.0", "e"),
        ("items.0.phone", "f"),
        ("items.1.phone", "g"),
        ("items[1].phone", "g"),
        ("Größe", "h"),
        ("pairs.mobile", "i"),
        ("pairs.deep.phone", "j"),
        ("pairs.0.value", "i"),
        ("$.to", "a"),
        ("$.items[0].phone", "f"),
        ("$.items[-1].phone", "g"),
        ("$['customer']['a b']", "c"),
        ('$["customer"]["x.y"]', "d"),
        ("$.Größe", "h"),
    ],
)
def test_path_leads_to_its_value(path, found):
    assert look_up(PAYLOAD, parse_path(path)) == found


def test_path_into_an_array_at_the_top():
    assert [look_up([PAYLOAD], parse_path(path)) for path in ("0.to", "$[0].to", "[0].to")] == [
        "a",
        "a",
        "a",
    ]


@pytest.mark.parametrize(
    "path",
    ["nothing", "to.more", "items.2.phone", "items.phone", "$.items[2]", "$.items[-3]"]
    + ["customer.phone.0", "items.999999999999", "$.to[0]", "pairs.none", "$[0]", "items.-1"],
)
def test_path_to_nowhere_finds_none(path):
    assert look_up(PAYLOAD, parse_path(path)) is None


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "A path has 1 to 200 characters."),
        ("x" * 201, "A path has 1 to 200 characters."),
        ("a\nb", "A path has no control characters."),
        ("a..b", "The path has an empty step; write it as customer.phone."),
        (".a", "The path has an empty step; write it as customer.phone."),
        ("a.", "The path has an empty step; write it as customer.phone."),
        (".".join("a" * 21), "A path has at most 20 steps."),
        ("$", "$ alone is the whole payload; name a place in it, as in $.phone."),
    ],
)
def test_what_is_no_path_says_why(path, reason):
    with pytest.raises(InvalidPath) as refused:
        parse_path(path)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    "path",
    ["$..phone", "$.*", "$[*]", "$.items[0:1]", "$.items[0,1]", "$.items[?@.phone]"]
    + ["$..*..*..*", "$.items[?search(@.a,'(a|aa)+$')]", "items[*].phone"],
)
def test_path_that_may_find_many_is_refused(path):
    with pytest.raises(InvalidPath, match="Name one place"):
        parse_path(path)


@pytest.mark.parametrize(
    "path", ["$.", "$phone", "$.a b", "$.a|$.b", "$['a", "a[b]", "a[", "$[1e9]"]
)
def test_malformed_jsonpath_is_refused(path):
    with pytest.raises(InvalidPath, match="This is no JSONPath: "):
        parse_path(path)


@pytest.mark.parametrize(
    "path",
    ["$" + "[" * 199, "$[?" + "(" * 197, "$[?" + "!" * 197, "$[?@" + ".a" * 97, "$" + "[0]" * 66]
    + ["$[?" + "@.a||" * 38 + "@.a]", "$..*" * 50, "[" * 200, "." * 200, "$['" + "\\" * 191 + "']"],
)
def test_hostile_path_is_refused_at_once(path):
    began = time.process_time()
    with pytest.raises(InvalidPath):
        parse_path(path)
    assert time.process_time() - began < 0.2


PIECES = ["$", "[", "]", ".", "..", "'", '"', "?", "@", "(", ")", ":", ",", "*", "~", "^", "_", "#"]
PIECES += [
    "1e9",
    "-0",
    "01",
    "-",
    "a",
    " ",
    "&&",
    "||",
    "==",
    "!",
    "\\",
    "\\u",
    "\\ud83d",
    "null",
    "é",
]
ODD_TEXT = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(ODD_TEXT.map("$".__add__) | ODD_TEXT | st.text(min_size=1, max_size=30))
@example("$[1e9]")
def test_any_text_is_a_path_or_an_invalid_one(text):
    try:
        path = parse_path(text)
    except InvalidPath as refused:
        assert str(refused)[-1:] == "."
    else:
        assert {type(step) for step in path} <= {str, int}
        assert look_up({}, path) is None


def test_following_paths_through_a_hostile_payload_is_bounded():
    payload = [{"key": str(i), "value": [[]]} for i in range(50_000)]
    paths = [parse_path(".".join(["missing"] * 20)), parse_path("49999"), parse_path("$[49999].x")]
    began = time.process_time()
    for _ in range(100):
        for path in paths:
            look_up(payload, path)
    assert time.process_time() - began < 1.0
