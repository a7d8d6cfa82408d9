"""Regular expressions that tenants type: RE2, which needs time linear in the text.

A pattern is bounded by its length, by the memory of its automata and by the size of its program.
The last is what bounds the time: when RE2 runs out of memory it simulates the program, and then a
byte of text costs up to as many steps as the program has instructions. With 1,600 emoji that came
to 20 µs for each instruction, so one text costs a tenant's patterns at most 30 ms.

Syntax: https://github.com/google/re2/wiki/Syntax
"""

import unicodedata
from collections.abc import Callable
from typing import NamedTuple

import re2  # type: ignore[import-untyped]  # it has no types

MAX_LENGTH = 256  # characters of a pattern
MAX_PROGRAM = 1500  # instructions of a pattern, and of all patterns of a tenant's rules together
MAX_MEMORY = 1 << 20  # bytes of a pattern's automata
MAX_TEXT = 1600  # characters of a text that are looked at

_PERL_ONLY = "Lookaround, backreferences and possessive or atomic groups are not supported"
_HINTS = (
    ("invalid perl operator", f"{_PERL_ONLY}."),
    ("invalid escape sequence", f"{_PERL_ONLY}, and only known letters may follow a \\."),
    ("bad repetition operator", f"{_PERL_ONLY}; put ( ) around what is repeated twice."),
    ("no argument for repetition", "Write a plain + or * as \\+ or \\*."),
    ("invalid repetition size", "What is repeated may come to at most 1,000 times in all."),
)
_TOO_LARGE = "The pattern is too large: name fewer alternatives, or repeat them less often."


class InvalidPattern(ValueError):
    """No pattern that we search with. The message is a sentence that says why."""


class Pattern(NamedTuple):
    """A compiled pattern: whether it is found in a text, and how many instructions it has."""

    is_in: Callable[[str], bool]
    size: int


def compile_pattern(pattern: str) -> Pattern:
    """`pattern` ready to be searched for, whatever the case of letters; raises InvalidPattern.

    Pattern and text are compared in Unicode's form NFC, so that an accent is one thing however it
    was typed. Only the first 1,600 characters of a text are searched.
    """
    if len(pattern) > MAX_LENGTH:
        raise InvalidPattern(f"A pattern may have at most {MAX_LENGTH} characters.")
    try:
        compiled = re2.compile(unicodedata.normalize("NFC", pattern), _options())
    except re2.error as error:
        raise InvalidPattern(_sentence(error)) from error
    # RE2 runs the reversed program too, to find where a match starts; -1 = it has not even one.
    sizes = (compiled.programsize, compiled.reverseprogramsize)
    if min(sizes) < 0 or max(sizes) > MAX_PROGRAM:
        raise InvalidPattern(_TOO_LARGE)

    def is_in(text: str) -> bool:
        return compiled.search(unicodedata.normalize("NFC", text[:MAX_TEXT])) is not None

    return Pattern(is_in, max(sizes))


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.case_sensitive = False
    options.never_capture = True
    options.log_errors = False
    return options


def _sentence(error: re2.error) -> str:
    """RE2's reason and, where people are used to other engines, what to do about it."""
    (reason,) = error.args
    said = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
    if said.startswith("pattern too large"):
        return _TOO_LARGE
    hint = next((hint for start, hint in _HINTS if said.startswith(start)), "")
    return f"This is no regular expression of RE2 ({said[:100]}). {hint}".rstrip()
