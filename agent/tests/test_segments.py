"""The counts of 3GPP TS 23.038 at the edges of one and several parts."""

import pytest

from agent.radios.segments import count_segments


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("a" * 152 + "€" + "a" * 152, 3),  # the escape pair does not fit into part one
        ("я" * 70, 1),
        ("я" * 71, 2),
        ("я" * 134, 2),
        ("😀" * 35, 1),
        ("😀" * 66, 2),
        ("😀" * 67, 3),  # 33 in each part: the 67th unit stays empty
    ],
)
def test_count_segments_at_the_edges(text: str, segments: int) -> None:
    assert count_segments(text) == segments
