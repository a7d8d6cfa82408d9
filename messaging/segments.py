"""How many SMS a text becomes, and where it is cut.

The alphabets are those of 3GPP TS 23.038: the GSM 7-bit default alphabet (6.2.1), its extension
table (6.2.1.1) and UCS-2, which phones read as UTF-16. National language tables are not used,
because many networks ignore them. The room in a part follows 3GPP TS 23.040, 9.2.3.24.1: a
message of more than one part spends 6 octets of each on the concatenation header.

A *unit* is what fills a part: a septet in GSM-7, a 16-bit code unit in UCS-2.
"""

import re
from bisect import bisect_right
from itertools import accumulate, pairwise
from typing import Literal, NamedTuple

Encoding = Literal["gsm7", "ucs2"]

# In the order of the table, 16 characters a line. Code 0x1B is missing: it is the escape to the
# extension table and no character, so a text that holds U+001B is sent as UCS-2.
BASIC_CHARACTERS = (
    "@£$¥èéùìòÇ\nØø\rÅå"
    "Δ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./"
    "0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNO"
    "PQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmno"
    "pqrstuvwxyzäöñüà"
)
EXTENSION_CHARACTERS = "\f^{}\\[~]|€"  # two septets each: the escape and the character

# Units in the only part, and in each part of a concatenated message.
GSM7_SINGLE, GSM7_PART = 160, 153
UCS2_SINGLE, UCS2_PART = 70, 67

_is_one_basic_part = re.compile(f"[{re.escape(BASIC_CHARACTERS)}]{{0,{GSM7_SINGLE}}}").fullmatch
_find_foreign = re.compile(f"[^{re.escape(BASIC_CHARACTERS + EXTENSION_CHARACTERS)}]").findall
_find_wide = {  # the characters of two units
    "gsm7": re.compile(f"[{re.escape(EXTENSION_CHARACTERS)}]").findall,
    "ucs2": re.compile("[\U00010000-\U0010ffff]").findall,
}


class Segmentation(NamedTuple):
    """What a text costs on the air.

    `units_per_segment` is the room in each of the `segments`; `units` are those that the text
    fills, without any left empty so as not to cut a pair; `units_left` still fit in the last
    segment; `forced_by` holds each character that GSM-7 lacks once, in the order of appearance,
    and is empty for GSM-7.
    """

    encoding: Encoding
    segments: int
    units: int
    units_per_segment: int
    units_left: int
    forced_by: str


# Nearly every message is one part of basic characters, and those differ in nothing but length.
_ONE_BASIC_PART = tuple(
    Segmentation("gsm7", 1, length, GSM7_SINGLE, GSM7_SINGLE - length, "")
    for length in range(GSM7_SINGLE + 1)
)


def segment(text: str) -> Segmentation:
    """Count the segments of `text`. An empty text is sent too: one segment of no units.

    A lone surrogate counts as one unit, so any `str` has an answer.
    """
    if _is_one_basic_part(text):
        return _ONE_BASIC_PART[len(text)]
    if foreign := _find_foreign(text):
        return _measure(text, "ucs2", UCS2_SINGLE, UCS2_PART, "".join(dict.fromkeys(foreign)))
    return _measure(text, "gsm7", GSM7_SINGLE, GSM7_PART, "")


def split(text: str) -> list[str]:
    """Cut `text` into its parts, as many as `segment` counts; joined they are `text` again.

    No escape pair and no surrogate pair is cut, so a part may have one unit to spare. A cluster of
    several code points, such as a family emoji, may be cut, for the receiver joins the parts. An
    Android phone that cuts the text itself keeps clusters whole and may need a part more.
    """
    encoding, segments, units, part, *_ = segment(text)
    if segments == 1:
        return [text]
    ends = _part_ends(text, encoding, units, part)
    return [text[start:end] for start, end in pairwise([0, *ends])]


def _measure(text: str, encoding: Encoding, single: int, part: int, forced_by: str) -> Segmentation:
    units = _units(text, encoding)
    if units <= single:
        return Segmentation(encoding, 1, units, single, single - units, forced_by)
    ends = _part_ends(text, encoding, units, part)
    units_left = part - _units(text[ends[-2] :], encoding)
    return Segmentation(encoding, len(ends), units, part, units_left, forced_by)


def _units(text: str, encoding: Encoding) -> int:
    return len(text) + len(_find_wide[encoding](text))


def _part_ends(text: str, encoding: Encoding, units: int, part: int) -> list[int]:
    """Return the index behind each part's last character, parts filled up one after another."""
    length = len(text)
    if units == length:  # every character is one unit wide, so any cut is allowed
        return [*range(part, length, part), length]
    wide = frozenset(_find_wide[encoding](text))
    offsets = list(accumulate((1 + (character in wide) for character in text), initial=0))
    ends = [0]
    while ends[-1] < length:
        ends.append(bisect_right(offsets, offsets[ends[-1]] + part, ends[-1]) - 1)
    return ends[1:]
