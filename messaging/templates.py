"""Texts with places to fill in: `Hello {{name}}`. No language: a name between braces, no more.

Templates are written by tenants and filled with what strangers send, so they are replaced in one
pass: a value that looks like a template is not read again.
"""

import re
import unicodedata
from collections.abc import Mapping

MAX_TEMPLATE = 1600  # characters of a template for a text

# No two parts of it can match the same character, so it takes linear time.
_variables = re.compile(r"\{\{([^{}]*)\}\}")
_LONGEST_CLUSTER = 32  # code points; longer ones are no writing and may be torn
_JOINER = "\u200d"


def variables_in(template: str) -> set[str]:
    """The names that `template` asks for, without the spaces inside the braces."""
    return {name.strip() for name in _variables.findall(template)}


def render(template: str, values: Mapping[str, str], *, limit: int = 1600) -> str:
    """`template` with each `{{name}}` replaced by its value, or by nothing if there is none.

    The result has at most `limit` characters (code points) and ends with a whole one: an accent or
    a part of an emoji is not torn from what it belongs to. Reading stops once that is full.
    """
    parts: list[str] = []
    size = end = 0
    for variable in _variables.finditer(template):
        parts += template[end : variable.start()], values.get(variable[1].strip(), "")
        size += len(parts[-2]) + len(parts[-1])
        end = variable.end()
        if size > limit:
            break
    else:
        parts.append(template[end:])
    return cut("".join(parts), limit)


def cut(text: str, limit: int) -> str:
    """The first `limit` characters of `text`, or a few less so as not to tear one apart."""
    if len(text) <= limit:
        return text
    for end in range(limit, max(limit - _LONGEST_CLUSTER, 0), -1):
        if not _belongs_to_its_left(text, end):
            return text[:end]
    return text[:limit]


def _belongs_to_its_left(text: str, index: int) -> bool:
    """Whether the character at `index` is one with that before it: marks, emoji parts, CR LF.

    The common cases of Unicode's grapheme clusters (UAX #29); flags and Hangul letters are not.
    """
    character, before = text[index], text[index - 1 : index]
    return (
        unicodedata.category(character) in ("Mn", "Me", "Mc")  # accents, variation selectors
        or "\U0001f3fb" <= character <= "\U0001f3ff"  # skin tones
        or _JOINER in (character, before)
        or before + character == "\r\n"
    )
