"""Public ids: a prefix and 22 base-62 characters for a UUID."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.ids import decode_id, decode_short_id, encode_id, new_id, short_id

WHOLE = encode_id("msg_", uuid.UUID(int=2**128 - 1))


@given(st.uuids())
def test_decode_undoes_encode(value):
    assert decode_id("msg_", encode_id("msg_", value)) == value


@given(st.uuids())
def test_encoded_id_is_its_prefix_and_22_base_62_characters(value):
    assert re.fullmatch("dev_[0-9A-Za-z]{22}", encode_id("dev_", value)) is not None


@given(st.uuids(), st.uuids())
def test_encoded_ids_sort_as_their_uuids_do(first, second):
    assert (encode_id("msg_", first) < encode_id("msg_", second)) is (first < second)


@given(st.text(max_size=30))
def test_decode_of_any_text_gives_only_what_encode_can_have_made(text):
    value = decode_id("msg_", "msg_" + text)
    assert value is None or encode_id("msg_", value) == "msg_" + text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "msg_",
        WHOLE[:-1],
        WHOLE + "0",
        WHOLE.replace("msg_", "dev_"),
        WHOLE.upper(),
        "msg_" + "z" * 22,  # more than 128 bits
        "msg_" + "0" * 21 + "-",
        "msg_" + "0" * 21 + "٣",  # a digit, but not ours
        "msg_" + "0" * 21 + "\x00",
        str(uuid.UUID(int=7)),
    ],
)
def test_decode_rejects_what_encode_cannot_have_made(text):
    assert decode_id("msg_", text) is None


def test_new_ids_are_version_7_and_rise_with_time():
    ids = [new_id() for _ in range(1000)]
    assert {value.version for value in ids} == {7}
    assert [value.int >> 80 for value in ids] == sorted(value.int >> 80 for value in ids)
    assert len(set(ids)) == 1000


# Any UUIDv7: what the version and the variant leave free.
uuid7s = st.builds(
    lambda high, middle, low: uuid.UUID(int=high << 80 | 7 << 76 | middle << 64 | 2 << 62 | low),
    st.integers(0, 2**48 - 1),
    st.integers(0, 2**12 - 1),
    st.integers(0, 2**62 - 1),
)


@given(uuid7s)
def test_short_id_is_21_base_62_characters_and_decodes_to_the_same(value):
    assert value.version == 7
    assert re.fullmatch("[0-9A-Za-z]{21}", short_id(value)) is not None
    assert decode_short_id(short_id(value)) == value


@given(uuid7s, uuid7s)
def test_short_ids_sort_as_their_uuids_do(first, second):
    assert (short_id(first) < short_id(second)) is (first < second)


@given(st.text(max_size=30))
def test_what_short_id_cannot_have_made_is_none(text):
    decoded = decode_short_id(text)
    assert decoded is None or short_id(decoded) == text


@pytest.mark.parametrize("text", ["", "z" * 21, "0" * 20, "0" * 22, "0" * 20 + "_"])
def test_no_short_id(text):
    assert decode_short_id(text) is None
