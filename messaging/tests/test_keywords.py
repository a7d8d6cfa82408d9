"""The words: which texts are one, and what is answered in each language."""

import re
import unicodedata
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.keywords import LANGUAGES, Keyword, default_text, find_keyword, fold
from messaging.models import KeywordSettings
from messaging.segments import segment
from messaging.templates import render, variables_in

ENGLISH = {
    "stop": ["STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "REVOKE"],
    "start": ["START", "UNSTOP"],
    "help": ["HELP", "INFO"],
}
ENGLISH["stop"] += ["STOP ALL", "OPT OUT"]
FOLDED = {word.lower() for words in ENGLISH.values() for word in words}
# Those that can be written without what GSM-7 lacks.
IN_GSM7 = {"da", "de", "en", "es", "fi", "fr", "id", "it", "ms", "nb", "nl", "pt", "sv"}


def _words(code: str, keyword: Keyword) -> list[str]:
    return [word.strip() for word in getattr(LANGUAGES[code], keyword).split(",")]


@pytest.mark.parametrize(
    ("word", "keyword"), [(word, keyword) for keyword in ENGLISH for word in ENGLISH[keyword]]
)
def test_english_word_is_a_keyword_in_any_case_and_dress(word, keyword):
    dressed = [
        word,
        word.lower(),
        word.title(),
        f" {word}\n",
        f"{word}.",
        f"«{word}!»",
        f"'{word}'",
    ]
    dressed += [f"\u200b{word}\ufeff", f"({word})...", word.translate({ord("O"): "Ｏ"})]
    assert [find_keyword(text) for text in dressed] == [keyword] * len(dressed)


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "...", "?!", "\u200b", "YES", "Y", "NO", "STOPP", "STO", "S T O P", "STOP 🙏"),
        *("please stop", "stop it", "stop stop", "stop.start", "non-stop", "1 stop", "stop1"),
        *("Can you help?", "the end", "canceled", "helpful", "st.op", "STOP\nSTART", "𝟙stop"),
    ],
)
def test_text_that_only_looks_like_a_word_is_none(text):
    assert find_keyword(text) is None


@given(st.text())
def test_no_text_whose_letters_are_not_a_word_is_a_keyword(text):
    letters = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    letters = "".join(letter for letter in letters if letter.isalnum() or letter == " ")
    assert (find_keyword(text) is None) or letters.strip() in FOLDED


@given(
    st.sampled_from(sorted(FOLDED)),
    st.text(st.characters(categories=["L", "N", "S", "M", "Cs", "Co"]), min_size=1),
    st.text(" .,-", max_size=2),
)
def test_word_with_anything_more_than_punctuation_around_it_is_no_keyword(word, more, between):
    texts = [word + between + more, more + between + word]
    beyond = [text for text in texts if fold(text) not in FOLDED]
    assert [find_keyword(text) for text in beyond] == [None] * len(beyond)


@given(st.sampled_from(sorted(FOLDED)), st.text(st.characters(categories=["P", "Z", "Cf"])))
def test_word_stays_one_with_any_punctuation_around_it(word, around):
    decomposes_to_letters = fold(around + word + around) != word
    assert decomposes_to_letters or find_keyword(around + word + around) is not None


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_word_of_a_language_is_one_there(code):
    for keyword in Keyword:
        words = _words(code, keyword)
        assert [find_keyword(word.lower(), languages=[code]) for word in words] == [keyword] * len(
            words
        )


@pytest.mark.parametrize("code", LANGUAGES)
def test_stop_start_and_help_are_understood_everywhere(code):
    found = [find_keyword(word, languages=[code]) for word in ("STOP", "START", "HELP")]
    assert found == list(Keyword)


def test_words_of_other_languages_are_none():
    assert find_keyword("hilfe") is None
    assert find_keyword("hilfe", languages=["de"]) is Keyword.HELP
    assert find_keyword("unsubscribe", languages=["de"]) is None
    assert find_keyword("unsubscribe", languages=["de", "en"]) is Keyword.STOP


def test_unknown_languages_are_english():
    assert find_keyword("unsubscribe", languages=["xx"]) is Keyword.STOP
    assert default_text(Keyword.HELP, ["xx"]) == LANGUAGES["en"].help_text


def test_accents_count_however_they_are_composed():
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        text = unicodedata.normalize(form, "Arrêter")
        assert find_keyword(text, languages=["fr"]) is Keyword.STOP


def test_own_words_come_beside_those_of_the_languages():
    more = {Keyword.STOP: ["Schluss jetzt"], Keyword.HELP: ["?", " "]}
    assert find_keyword("SCHLUSS JETZT!", more=more) is Keyword.STOP
    assert find_keyword("stop", more=more) is Keyword.STOP
    assert (find_keyword("?", more=more), find_keyword("schluss", more=more)) == (None, None)


def test_word_that_may_mean_stop_does():
    assert find_keyword("help", more={Keyword.STOP: ["help"]}) is Keyword.STOP


@pytest.mark.parametrize(("code", "keyword"), list(product(LANGUAGES, Keyword)))
def test_default_text_names_the_tenant_and_words_that_are_understood_and_is_none(code, keyword):
    text = default_text(keyword, [code, "en"])
    assert variables_in(text) == {"tenantName"}
    assert find_keyword(text, languages=list(LANGUAGES)) is None
    words = {word for kind in Keyword for word in _words(code, kind)}
    in_capitals = re.findall(r"\b[^\W\d_]{2,}\b", text.replace("{{tenantName}}", ""))
    if text.lower() != text.upper():
        named = {word for word in in_capitals if word == word.upper() and word != word.lower()}
        assert named - words == set()
    way_out = Keyword.START if keyword is Keyword.STOP else Keyword.STOP
    assert any(word in text for word in _words(code, way_out))


@pytest.mark.parametrize(("code", "keyword"), list(product(LANGUAGES, Keyword)))
def test_default_text_is_one_segment_where_the_alphabet_allows_and_two_elsewhere(code, keyword):
    counted = segment(render(default_text(keyword, [code]), {"tenantName": "Alice's Flowers"}))
    assert (counted.encoding == "gsm7") == (code in IN_GSM7)
    assert counted.segments <= (1 if code in IN_GSM7 else 2)


def test_codes_fit_the_column_that_holds_them():
    column = KeywordSettings._meta.get_field("languages").base_field
    assert [code for code in LANGUAGES if len(code) > column.max_length] == []
