"""Reading frames: no text whatever ends in anything but a frame or a FrameError."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.frames import (
    AppIn,
    FrameError,
    HeartbeatIn,
    Hello,
    Pull,
    SimIn,
    aware,
    decode_frame,
    storable,
)
from devices.services.presence import Vitals
from devices.services.sims import SimReport
from messaging.conversation import GatewayConversation

SHAPES = {"hello": Hello, "heartbeat": HeartbeatIn, "pull": Pull}
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


def refusal(text: str) -> tuple[str, str | None]:
    """(code, frame id) of the error that `text` is."""
    with pytest.raises(FrameError) as refused:
        decode_frame(text, SHAPES)
    return refused.value.code, refused.value.frame_id


def test_frame_is_read_by_its_type_and_unknown_fields_are_left_alone():
    text = '{"type": "heartbeat", "id": "b", "battery": 80, "future": [1]}'
    assert decode_frame(text, SHAPES) == ("heartbeat", HeartbeatIn("b", battery=80))
    assert decode_frame('{"type": "pull"}', SHAPES) == ("pull", Pull())


@pytest.mark.parametrize(
    ("frame", "frame_id"),
    [
        ({"type": "message.teleport", "id": "x"}, "x"),
        ({"type": "dispatch", "id": "x"}, "x"),
        ({"type": "", "id": "x"}, "x"),
        ({"id": "x"}, "x"),
        ({"type": "unknown"}, None),
        ({}, None),
    ],
)
def test_unknown_type_is_told_with_the_frames_id(frame, frame_id):
    assert refusal(json.dumps(frame)) == ("unknown_type", frame_id)


@pytest.mark.parametrize(
    ("frame", "frame_id"),
    [
        ({"type": "heartbeat", "id": "x", "battery": 101}, "x"),
        ({"type": "heartbeat", "id": "x", "battery": "full"}, "x"),
        ({"type": "heartbeat", "id": "x", "battery": 10**400}, "x"),
        ({"type": "heartbeat", "id": "x", "signal": 5}, "x"),
        ({"type": "heartbeat", "id": ""}, ""),
        ({"type": "heartbeat", "id": "x" * 65}, "x" * 65),
        ({"type": "heartbeat"}, None),
        ({"type": "heartbeat", "id": 5}, None),
        ({"type": 5, "id": "x"}, None),
        ({"type": "hello", "id": "x", "sims": [{"slot": 0}]}, "x"),
        ({"type": "hello", "id": "x", "sims": [{"slot": 17}]}, "x"),
        ({"type": "hello", "id": "x", "sims": [{"slot": 1}] * 17}, "x"),
        ({"type": "hello", "id": "x", "model": "x" * 201}, "x"),
        ([], None),
        (None, None),
        ("text", None),
    ],
)
def test_invalid_frame_is_told_with_its_id_if_that_can_be_read(frame, frame_id):
    assert refusal(json.dumps(frame)) == ("invalid_frame", frame_id)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "nonsense",
        '{"type": "pull"} {}',
        '{"type": "heartbeat", "id": "x", "battery": NaN}',
        '\ufeff{"type": "pull"}',
        "[" * 60_000,
        '{"a":' * 10_000,
        '{"type": "pull", "x": ' + "[" * 30_000 + "]" * 30_000 + "}",
        r'{"type": "pull", "x": "\ud800", "y": ' + "[" * 30_000 + "]" * 30_000 + "}",
        r'{"type": "pull", "x": "\ud800", "y": ' + "9" * 5000 + "}",
    ],
)
def test_text_that_is_no_json_object_is_an_invalid_frame(text):
    assert refusal(text)[0] == "invalid_frame"


@given(st.text() | ANY_JSON.map(json.dumps))
def test_any_text_is_a_frame_or_a_frame_error(text):
    try:
        kind, _ = decode_frame(text, GatewayConversation.frames)
    except FrameError as error:
        kind = error.code
    assert kind in {*GatewayConversation.frames, "unknown_type", "invalid_frame"}


@settings(max_examples=50)
@given(st.sampled_from(sorted(GatewayConversation.frames)), st.dictionaries(st.text(), ANY_JSON))
def test_any_content_of_a_known_type_is_a_frame_or_an_invalid_one(kind, content):
    try:
        decode_frame(json.dumps(content | {"type": kind, "id": "x"}), GatewayConversation.frames)
    except FrameError as error:
        assert (error.code, error.frame_id) == ("invalid_frame", "x")


@pytest.mark.parametrize(
    ("spelled", "read"),
    [
        (r"\ud83d\ude00", "\N{GRINNING FACE}"),
        (r"cut \ud83d", "cut ?"),
        (r"\ude00 cut", "? cut"),
        (r"\ude00\ud83d", "??"),
        (r"\\ud83d", r"\ud83d"),
        ("中 \\ud83d", "中 ?"),
    ],
)
def test_half_an_emoji_does_not_lose_the_text_around_it(spelled, read):
    _, frame = decode_frame(f'{{"type": "hello", "id": "x", "model": "{spelled}"}}', SHAPES)
    assert frame.model == read


@given(st.text(st.characters()))
def test_storable_text_is_what_utf_8_and_the_database_can_hold(text):
    kept = storable(text)
    assert kept.encode().count(0) == 0
    assert storable(kept) == kept


def test_what_a_phone_says_about_itself_is_storable():
    assert SimIn(1, "+65\x00", "Ex\x00ample").report() == SimReport(1, "+65", "Example")
    assert str(AppIn("ag\x00ent", "1.0\x00")) == "agent 1.0"
    assert HeartbeatIn("x", network="\x00").vitals() == Vitals()


@pytest.mark.parametrize(
    ("moment", "kept"),
    [
        (None, None),
        (datetime(2026, 6, 12, 18, 40), None),  # noqa: DTZ001 - a phone that leaves the zone out
        (
            datetime(2026, 6, 12, 18, 40, tzinfo=timezone(timedelta(hours=8))),
            datetime(2026, 6, 12, 10, 40, tzinfo=UTC),
        ),
        (datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14))), None),
        (datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))), None),
    ],
)
def test_a_phones_time_is_kept_in_utc_if_it_is_one(moment, kept):
    assert aware(moment) == kept
