import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from messaging.segments import Segmentation, segment, split

# 3GPP TS 23.038, 6.2.1, written by code point so that it shares no literal with the module.
BASIC_TABLE = (
    [0x40, 0xA3, 0x24, 0xA5, 0xE8, 0xE9, 0xF9, 0xEC, 0xF2, 0xC7, 0x0A, 0xD8, 0xF8, 0x0D, 0xC5, 0xE5]
    + [0x394, 0x5F, 0x3A6, 0x393, 0x39B, 0x3A9, 0x3A0, 0x3A8, 0x3A3, 0x398, 0x39E]
    + [0xC6, 0xE6, 0xDF, 0xC9]
    + [0x20, 0x21, 0x22, 0x23, 0xA4, *range(0x25, 0x40)]
    + [0xA1, *range(0x41, 0x5B), 0xC4, 0xD6, 0xD1, 0xDC, 0xA7]
    + [0xBF, *range(0x61, 0x7B), 0xE4, 0xF6, 0xF1, 0xFC, 0xE0]
)
# 6.2.1.1
EXTENSION_TABLE = [0x0C, 0x5E, 0x7B, 0x7D, 0x5C, 0x5B, 0x7E, 0x5D, 0x7C, 0x20AC]
BASIC = [chr(code) for code in BASIC_TABLE]
EXTENSION = [chr(code) for code in EXTENSION_TABLE]
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"  # three emoji, two joiners: 8 units


def reference_encoding(text):
    is_gsm7 = all(character in BASIC or character in EXTENSION for character in text)
    return "gsm7" if is_gsm7 else "ucs2"


def reference_units(text, encoding):
    if encoding == "gsm7":
        return sum(2 if character in EXTENSION else 1 for character in text)
    return sum(2 if ord(character) >= 0x10000 else 1 for character in text)


def reference_parts(text):
    """Return the parts, filled one character at a time: the slow and obvious way."""
    encoding = reference_encoding(text)
    single, room = (160, 153) if encoding == "gsm7" else (70, 67)
    if reference_units(text, encoding) <= single:
        return [text]
    parts = [""]
    for character in text:
        if reference_units(parts[-1] + character, encoding) > room:
            parts.append("")
        parts[-1] += character
    return parts


def test_tables_have_every_code_but_the_escape():
    assert (len(set(BASIC)), len(set(EXTENSION))) == (127, 10)


@pytest.mark.parametrize("character", BASIC)
def test_segment_basic_character_is_one_septet(character):
    assert segment(character) == Segmentation("gsm7", 1, 1, 160, 159, "")


@pytest.mark.parametrize("character", EXTENSION)
def test_segment_extension_character_is_two_septets(character):
    assert segment(character) == Segmentation("gsm7", 1, 2, 160, 158, "")


@pytest.mark.parametrize("character", ["\x1b", "ç", "`", "\t", "\x00", "‘", "ê", "я", "漢", "\xa0"])
def test_segment_character_outside_the_tables_forces_ucs2(character):
    assert segment(f"a{character}") == Segmentation("ucs2", 1, 2, 70, 68, character)


def test_segment_every_bmp_character_outside_the_tables_is_ucs2():
    found = {chr(code) for code in range(0x10000) if segment(chr(code)).encoding == "gsm7"}
    assert found == {*BASIC, *EXTENSION}


def test_segment_forced_by_names_each_character_once_in_order():
    assert segment("я b € ю я [ \U0001f600 ю").forced_by == "яю\U0001f600"


def test_segment_empty_text_is_one_segment_of_no_units():
    assert segment("") == Segmentation("gsm7", 1, 0, 160, 160, "")
    assert split("") == [""]


@pytest.mark.parametrize(
    ("text", "segments", "units", "units_per_segment", "units_left"),
    [
        ("a" * 160, 1, 160, 160, 0),
        ("a" * 161, 2, 161, 153, 145),
        ("a" * 306, 2, 306, 153, 0),
        ("a" * 307, 3, 307, 153, 152),
        ("a" * 158 + "€", 1, 160, 160, 0),
        ("a" * 159 + "€", 2, 161, 153, 145),
        ("[" * 80, 1, 160, 160, 0),
        ("[" * 81, 2, 162, 153, 143),  # 76 of two septets in the first part: 152
        ("[" * 152, 2, 304, 153, 1),
        ("[" * 153, 3, 306, 153, 151),  # 306 septets would fit two parts but for the pairs
    ],
)
def test_segment_gsm7_length(text, segments, units, units_per_segment, units_left):
    assert segment(text) == ("gsm7", segments, units, units_per_segment, units_left, "")


@pytest.mark.parametrize(
    ("text", "segments", "units", "units_per_segment", "units_left"),
    [
        ("я" * 70, 1, 70, 70, 0),
        ("я" * 71, 2, 71, 67, 63),
        ("я" * 134, 2, 134, 67, 0),
        ("я" * 135, 3, 135, 67, 66),
        ("я" + "a" * 69, 1, 70, 70, 0),
        ("я" + "€" * 69, 1, 70, 70, 0),  # two septets, yet one UTF-16 unit
    ],
)
def test_segment_ucs2_length(text, segments, units, units_per_segment, units_left):
    assert segment(text) == ("ucs2", segments, units, units_per_segment, units_left, "я")


def test_segment_emoji_counts_two_units():
    assert segment("a" * 68 + "\U0001f600") == ("ucs2", 1, 70, 70, 0, "\U0001f600")
    assert segment("a" * 69 + "\U0001f600") == ("ucs2", 2, 71, 67, 63, "\U0001f600")


@pytest.mark.parametrize(
    ("character", "units"), [("\uffff", 1), ("\U00010000", 2), ("\U0010ffff", 2)]
)
def test_segment_character_beyond_the_bmp_counts_two_units(character, units):
    assert segment(character).units == units


def test_segment_only_emoji_leaves_a_unit_of_each_part_empty():
    assert segment("\U0001f600" * 67) == ("ucs2", 3, 134, 67, 65, "\U0001f600")


def test_split_emoji_at_the_part_boundary_is_not_cut():
    text = "я" * 66 + "\U0001f600" + "я" * 10
    assert split(text) == ["я" * 66, "\U0001f600" + "я" * 10]


def test_split_escape_pair_at_the_part_boundary_is_not_cut():
    text = "a" * 152 + "{" + "b" * 20
    assert split(text) == ["a" * 152, "{" + "b" * 20]


def test_split_escape_pair_that_just_fits_stays():
    text = "a" * 151 + "{" + "b" * 20
    assert split(text) == ["a" * 151 + "{", "b" * 20]


def test_split_joined_emoji_is_cut_between_code_points():
    text = "я" * 64 + FAMILY
    assert split(text) == ["я" * 64 + FAMILY[:2], FAMILY[2:]]
    assert segment(text) == ("ucs2", 2, 72, 67, 62, "я" + "\U0001f468\u200d\U0001f469\U0001f467")


def test_segment_composed_accent_is_gsm7_and_decomposed_is_ucs2():
    composed = unicodedata.normalize("NFC", "é" * 40)
    decomposed = unicodedata.normalize("NFD", "é" * 40)
    assert segment(composed) == ("gsm7", 1, 40, 160, 120, "")
    assert segment(decomposed) == ("ucs2", 2, 80, 67, 54, "\u0301")


@pytest.mark.parametrize("surrogate", ["\ud83d", "\ude00"])
def test_segment_lone_surrogate_is_one_unit(surrogate):
    assert segment(surrogate * 71) == ("ucs2", 2, 71, 67, 63, surrogate)
    assert split(surrogate * 71) == [surrogate * 67, surrogate * 4]


def test_segment_long_text_is_packed_to_the_end():
    assert segment("a" * 152 + "€" * 100_000) == ("gsm7", 1317, 200_152, 153, 33, "")


# Alphabets that meet each rule often, and lengths around the boundaries of the first parts.
texts = st.one_of(
    st.text(st.characters(), max_size=400),
    st.builds(
        lambda repeated, tail: repeated + tail,
        st.builds(str.__mul__, st.sampled_from(["a", "é", "я", "\U0001f600"]), st.integers(0, 310)),
        st.text(st.sampled_from(["a", "Ω", "€", "[", "я", "\U0001f600", "\u200d", "\ud83d"])),
    ),
    st.text(st.sampled_from([*BASIC, *EXTENSION]), max_size=500),
    st.text(st.sampled_from(["я", "\U0001f600", "\u200d", "\udc00"]), max_size=300),
)


@given(texts)
@example("[" * 1000)
@example("\U0001f600" * 1000)
def test_split_equals_slow_reference(text):
    assert split(text) == reference_parts(text)


@given(texts)
@example("[" * 1000)
@example("\U0001f600" * 1000)
def test_segment_equals_slow_reference(text):
    parts = reference_parts(text)
    encoding = reference_encoding(text)
    room = {"gsm7": (160, 153), "ucs2": (70, 67)}[encoding][len(parts) > 1]
    left = room - reference_units(parts[-1], encoding)
    units = reference_units(text, encoding)
    assert segment(text)[:5] == (encoding, len(parts), units, room, left)


@given(texts)
def test_split_joins_to_the_text_and_each_part_fits(text):
    found = segment(text)
    parts = split(text)
    largest = max(reference_units(part, found.encoding) for part in parts)
    assert "".join(parts) == text
    assert len(parts) == found.segments
    assert largest <= found.units_per_segment
