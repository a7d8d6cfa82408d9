"""Templates: names between braces are replaced, and nothing else ever happens."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.templates import cut, render, variables_in

VALUES = {"name": "Ann", "from": "+6581230000", "empty": ""}


@pytest.mark.parametrize(
    ("template", "rendered"),
    [
        ("", ""),
        ("Hello", "Hello"),
        ("Hello {{name}}!", "Hello Ann!"),
        ("Hello {{ name }}!", "Hello Ann!"),
        ("{{\tname\n}}", "Ann"),
        ("{{name}}{{from}}", "Ann+6581230000"),
        ("{{unknown}}", ""),
        ("{{Name}}", ""),
        ("{{}}", ""),
        ("{{ }}", ""),
        ("[{{empty}}]", "[]"),
        ("{name}", "{name}"),
        ("{{name}", "{{name}"),
        ("{name}}", "{name}}"),
        ("{{{name}}}", "{Ann}"),
        ("{{{{name}}}}", "{{Ann}}"),
        ("{{na{{name}}me}}", "{{naAnnme}}"),
        ("{% if 1 %}{# #}${name} %(name)s \\1", "{% if 1 %}{# #}${name} %(name)s \\1"),
        ("{{name.upper}}{{name|length}}{{ 7 * 7 }}", ""),
    ],
)
def test_render_replaces_names_between_two_braces(template, rendered):
    assert render(template, VALUES) == rendered


def test_value_that_looks_like_a_template_is_not_read_again():
    values = {"text": "{{name}} {{text}} \\g<0>", "name": "Ann"}
    assert render("{{text}}|{{name}}", values) == "{{name}} {{text}} \\g<0>|Ann"


names = st.text("abc ", max_size=3)
pieces = st.lists(st.sampled_from(["{{a}}", "{{ b }}", "{{c}}", "x", " ", "}}", "{{"]), max_size=8)


@given(pieces, st.dictionaries(st.sampled_from("ab"), st.text("{}abc", max_size=8)))
def test_render_never_reads_values(parts, values):
    marks = {"a": "\ue000", "b": "\ue001"}  # private use: in no template
    rendered = render("".join(parts), {name: marks[name] for name in values})
    for name, value in values.items():
        rendered = rendered.replace(marks[name], value)
    assert render("".join(parts), values) == rendered


@given(st.text(max_size=60), st.dictionaries(names, st.text(max_size=40)), st.integers(0, 50))
def test_render_is_never_longer_than_its_limit(template, values, limit):
    whole = render(template, values, limit=10_000)
    rendered = render(template, values, limit=limit)
    assert len(rendered) <= limit
    assert whole.startswith(rendered)


def test_variables_are_the_names_without_their_spaces():
    template = "{{a}} {{ b.c }} {{a}} {{ten digits}} {d} {{{e}}}"
    assert variables_in(template) == {"a", "b.c", "ten digits", "e"}


@pytest.mark.parametrize(
    ("text", "limit", "kept"),
    [
        ("hello", 5, "hello"),
        ("hello!", 5, "hello"),
        ("hello", 0, ""),
        ("cafe\u0301s", 4, "caf"),
        ("cafe\u0301s", 5, "cafe\u0301"),
        ("ok👍🏽", 3, "ok"),
        ("ok👍🏽!", 4, "ok👍🏽"),
        ("a👩\u200d🚀b", 3, "a"),
        ("a👩\u200d🚀b", 2, "a"),
        ("a👩\u200d🚀b", 4, "a👩\u200d🚀"),
        ("a❤\ufe0fb", 2, "a"),
        ("a\r\nb", 2, "a"),
        ("aकि!", 2, "a"),
        ("\u0301" * 100, 60, "\u0301" * 60),
    ],
)
def test_cut_tears_no_character_apart(text, limit, kept):
    assert cut(text, limit) == kept


@given(st.text("ae\u0301\u200d👍🏽\r\n", max_size=30), st.integers(0, 30))
def test_cut_keeps_a_beginning_that_is_hardly_shorter(text, limit):
    kept = cut(text, limit)
    assert text.startswith(kept)
    assert min(limit, len(text)) - 32 <= len(kept) <= limit
    rest = text[len(kept) :]
    if kept and len(kept) < limit and rest:  # it went back to where a character begins
        assert unicodedata.combining(rest[0]) == 0


@pytest.mark.parametrize(
    "template",
    [
        "{{text}}" * 200,
        "{{" * 800,
        "{{" + " " * 1596 + "}}",
        "{{" + " " * 1598,
        "{{ " * 533,
        "{{a" * 533,
        "{{}}" * 400,
    ],
)
def test_template_bombs_are_bounded_in_time(template):
    def cpu_ms() -> float:
        started = time.thread_time()
        render(template, {"text": "{{text}}" * 20_000})
        variables_in(template)
        return (time.thread_time() - started) * 1000

    assert min(cpu_ms() for _ in range(3)) < 20
