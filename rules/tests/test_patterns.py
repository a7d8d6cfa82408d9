"""Patterns: what they find, what is refused and in which words, and what the worst may cost."""

import time
import tracemalloc

import pytest

from rules.patterns import MAX_PROGRAM, InvalidPattern, compile_pattern

WORST_MS = 50


def found(pattern: str, text: str) -> bool:
    return compile_pattern(pattern).is_in(text)


@pytest.mark.parametrize(
    ("pattern", "text", "is_found"),
    [
        ("order", "My ORDER please", True),
        (r"^\s*(yes|ok)\s*$", " Yes\n", True),
        (r"^(yes|ok)$", "yes please", False),
        (r"\border\s*#?\d{4,8}\b", "Order #12345", True),
        ("grüße", "Viele GRÜSSE", False),  # one letter is one letter here; `contains` is kinder
        ("grüße", "Viele GRÜẞE", True),
        ("ÉTÉ", "e\u0301te\u0301", True),
        ("e\u0301te\u0301", "été", True),
        (r"\p{Han}+", "請回電", True),
        (r"^.$", "🙂", True),
        ("a.b", "a\nb", False),
        ("(?s)a.b", "a\nb", True),
        ("(?m)^b$", "a\nb\nc", True),
        ("x", "", False),
        ("x*", "", True),
        (r"\C", "é", True),
    ],
)
def test_pattern_is_found_anywhere_and_in_any_case(pattern, text, is_found):
    assert found(pattern, text) is is_found


def test_only_the_first_1600_characters_are_searched():
    assert [found("end", "ä" * before + "end") for before in (1597, 1598)] == [True, False]


UNSUPPORTED = "Lookaround, backreferences and possessive or atomic groups are not supported"


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("(?=a)", f"(invalid perl operator: (?=). {UNSUPPORTED}."),
        ("(?<!a)b", f"(invalid perl operator: (?<!). {UNSUPPORTED}."),
        (
            r"(a)\1",
            rf"(invalid escape sequence: \1). {UNSUPPORTED}, and only known letters may follow"
            " a \\.",
        ),
        ("a++", f"(bad repetition operator: ++). {UNSUPPORTED}; put ( ) around what is repeated"),
        ("+65", r"(no argument for repetition operator: +). Write a plain + or * as \+ or \*."),
        (
            "a{1001}",
            "(invalid repetition size: {1001}). What is repeated may come to at most",
        ),
        ("(a{50}){50}", "(invalid repetition size: {50}). What is repeated may come to at most"),
        ("(a", "(missing ): (a)."),
        ("[b-a]", "(invalid character class range: b-a)."),
    ],
)
def test_what_is_no_pattern_is_refused_with_what_to_do(pattern, reason):
    with pytest.raises(InvalidPattern) as refused:
        compile_pattern(pattern)
    assert str(refused.value).startswith(f"This is no regular expression of RE2 {reason}")


def test_pattern_may_have_256_characters():
    compile_pattern("x" * 256)
    with pytest.raises(InvalidPattern, match="at most 256 characters"):
        compile_pattern("x" * 257)


TOO_LARGE = [
    r"\pL{1000}",
    r"\pL{30}",
    r"[\pL\pN]{40}",
    ".{0,500}foo",
    "(?:a?){1000}a{1000}",
    "(?:(?:a?b?){30}){33}",
    "(?:a?){1000}b",
]


@pytest.mark.parametrize("pattern", TOO_LARGE)
def test_large_program_is_refused(pattern):
    with pytest.raises(InvalidPattern, match="^The pattern is too large: "):
        compile_pattern(pattern)


# As near to the largest program as they come; the first four took the longest of many shapes tried.
BOMBS = [
    "(?:a?.?b?){115}!",
    "(?:.?){160}!",
    "(?:[ab]?.?){130}!",
    "(?:.*?a|b?){120}!",
    "(?:a?){740}b",
    "((a?){20}){20}b",
    "(a|aa)+$",
    "(a+)+$",
    "(x+x+)+y",
    ".{0,160}foo",
    "[^x]{0,140}y",
    r"(?:\w*\W?){40}!",
    r"(?:\b.?){140}!",
    r"\pL+\d$",
    ".*a.{140}z",
    "(.)*(.)*(.)*(.)*(.)*(.)*(.)*x$",
    "|".join(f"a{n}" for n in range(60)),
    "(" * 127 + "a" + ")" * 127,
]
TEXTS = ["a" * 1600, "ab " * 533, "🙂" * 1600, "äあ🙂a" * 400, "\n" * 1600, "漢a" * 800]


@pytest.mark.parametrize("pattern", BOMBS)
def test_worst_patterns_are_bounded_in_time(pattern):
    """CPU time, best of three, so that neighbours on the machine do not fail it."""
    compiled = compile_pattern(pattern)
    assert compiled.size <= MAX_PROGRAM
    for text in TEXTS:
        best = min(cpu_ms(compiled.is_in, text) for _ in range(3))
        assert best < WORST_MS, f"{pattern} of {compiled.size} took {best:.0f} ms"


@pytest.mark.parametrize("pattern", TOO_LARGE + BOMBS)
def test_refusing_or_compiling_is_bounded_in_time(pattern):
    def attempt(source: str) -> None:
        try:
            compile_pattern(source)
        except InvalidPattern:
            return

    # Another pattern each time: a compiled one is kept.
    assert min(cpu_ms(attempt, f"{pattern}{'x' * n}") for n in range(3)) < WORST_MS


def cpu_ms(function, argument: str) -> float:
    started = time.thread_time()
    function(argument)
    return (time.thread_time() - started) * 1000


def test_search_leaves_nothing_behind_in_python():
    compiled = compile_pattern("(?:a?.?b?){115}!")
    compiled.is_in("a" * 1600)
    tracemalloc.start()
    for _ in range(50):
        compiled.is_in("ab" * 800)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 100_000
