"""Public ids: a prefix and 22 base-62 characters for a UUID."""

import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.ids import decode_id, encode_id, new_id

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
