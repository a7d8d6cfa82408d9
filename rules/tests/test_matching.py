"""Which text fits which rule; without a database."""

import time as clock
import unicodedata
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.matching import Inbound, Mismatch, compile_rule, first_match, fold, sender_test, steps
from rules.models import Rule

NOON = datetime(2026, 6, 12, 12, tzinfo=UTC)  # a Friday
SENDER = "+6581230000"


def rule_for(match_type="any", pattern="", **columns) -> Rule:
    return Rule(match_type=match_type, pattern=pattern, **columns)


def inbound(text="Hello", sender=SENDER, at=NOON) -> Inbound:
    return Inbound.of(sender=sender, text=text, at=at)


def mismatch(rule: Rule, text="Hello", **told) -> Mismatch | None:
    return compile_rule(rule, "SG").mismatch(inbound(text, **told))


def fits(match_type: str, pattern: str, text: str) -> bool:
    return mismatch(rule_for(match_type, pattern), text) is None


# --- Words ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("stop", "Please STOP this"),
        ("straße", "HAUPTSTRASSE 5"),
        ("STRASSE", "Hauptstraße 5"),
        ("café", "CAFE\u0301 au lait"),
        ("cafe\u0301", "ein Café"),
        ("yes", "ＹＥＳ！"),
        ("１２３", "code 123"),
        ("sipariş", "SİPARİŞ VER"),
        ("iptal", "İPTAL"),
        ("hayır", "HAYIR"),
        ("σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("ok", "Ｏｋ"),
        ("ｶﾞ", "ガス"),
        ("❤", "I ❤\ufe0f you"),
        ("fi", "ﬁne"),
        ("привет", "ПРИВЕТ!"),
        ("a b", "a\u00a0b"),
        ("{{text}}", "what is {{TEXT}}?"),
        (".*", "a.*b"),
    ],
)
def test_contains_finds_what_people_take_for_the_same_word(pattern, text):
    assert fits("contains", pattern, text) is True


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("cafe", "café"), ("stop", "st op"), (".*", "anything"), ("a b", "a  b"), ("order", "")],
)
def test_contains_is_no_looser_than_that(pattern, text):
    assert fits("contains", pattern, text) is False


@pytest.mark.parametrize(
    ("pattern", "text", "is_fit"),
    [
        ("yes", "Yes", True),
        ("yes", "  YES\n", True),
        (" yes ", "yes", True),
        ("yes", "\u3000ＹＥＳ\u00a0", True),
        ("yes", "yes!", False),
        ("yes", "yes please", False),
        ("yes", "", False),
        ("weiß", "WEISS", True),
        ("é", "E\u0301", True),
        ("ja", "jа", False),  # a Cyrillic а
    ],
)
def test_exact_is_the_whole_text_without_spaces_around_it(pattern, text, is_fit):
    assert fits("exact", pattern, text) is is_fit


@pytest.mark.parametrize(
    ("pattern", "text", "is_fit"),
    [(r"^order (\d+)$", "ORDER 12", True), ("^order$", "my order", False), ("b+", "aBBa", True)],
)
def test_regex_is_searched_for(pattern, text, is_fit):
    assert fits("regex", pattern, text) is is_fit


@pytest.mark.parametrize("text", ["", "x", "🙂" * 5000])
def test_any_fits_any_text(text):
    assert fits("any", "", text) is True


@pytest.mark.parametrize("match_type", ["contains", "regex"])
def test_only_the_first_1600_characters_are_looked_at(match_type):
    texts = ["x" * before + "word" for before in (1596, 1597)]
    assert [fits(match_type, "word", text) for text in texts] == [True, False]


def test_exact_does_not_take_the_beginning_of_a_long_text_for_all_of_it():
    assert fits("exact", "yes", "yes" + " " * 1600 + "and no") is False


def test_pattern_that_cannot_be_used_any_more_matches_nothing():
    assert mismatch(rule_for("regex", "(?=a)"), "a") == Mismatch.SENDER
    assert mismatch(rule_for(from_filter="(")) == Mismatch.SENDER


def d146(text: str) -> str:
    """Compatibility caseless matching, letter by letter of the Unicode Standard (3.13, D146)."""
    text = unicodedata.normalize("NFD", text)
    for _ in range(2):
        text = unicodedata.normalize("NFKD", text.casefold())
    return text


some_text = st.text(max_size=12) | st.text("aAßſSséE\u0301ﬁİiIıﾞｶΣσςΐᾳ\u0345Å K", max_size=8)


@given(some_text, some_text)
def test_words_are_equal_where_the_standard_says_so(one, other):
    if d146(one) == d146(other):
        assert fold(one) == fold(other)
    elif not set("İıiI\u0307\u0131") & set(unicodedata.normalize("NFD", one + other)):
        assert fold(one) != fold(other)  # only the Turkish letters are equal beyond it


@given(some_text)
def test_fold_of_a_fold_is_the_same(text):
    assert fold(fold(text)) == fold(text)


ascii_text = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20)


@given(ascii_text, ascii_text.filter(str.strip), ascii_text)
def test_contains_and_exact_agree_with_plain_python_on_ascii(before, pattern, after):
    text = before + pattern.swapcase() + after
    assert fits("contains", pattern, text) is True
    assert fits("contains", pattern, before) is (pattern.lower() in before.lower())
    assert fits("exact", pattern, text) is (text.strip().lower() == pattern.strip().lower())


# --- Senders ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("from_filter", "sender", "passes"),
    [
        ("", SENDER, True),
        ("  ", "", True),
        ("+6581230000", SENDER, True),
        ("8123 0000", SENDER, True),
        ("(8123)-0000", SENDER, True),
        ("８１２３００００", SENDER, True),
        ("+65", SENDER, True),
        ("+65 8123", SENDER, True),
        ("8123", SENDER, True),
        ("0000", SENDER, True),
        ("+81", SENDER, False),
        ("9999", SENDER, False),
        ("+6581230001", SENDER, False),
        ("72227", "72227", True),
        ("24", "Radio24", False),
        ("8123", "", False),
        ("DBS-Bank", "DBS-Bank", True),
        ("dbs", "DBS-Bank", True),
        ("bank$", "DBS-Bank", True),
        ("^bank", "DBS-Bank", False),
        ("A+B", "A+B", True),
        ("grüße", "GRÜSSE", True),
        (r"^\+65[89]", SENDER, True),
        (r"^\+65[89]", "+6561230000", False),
        (r"^\+(65|60)", "+60123456789", True),
        ("dbs|ocbc", "OCBC", True),
    ],
)
def test_from_filter_is_a_number_a_part_of_one_or_a_pattern(from_filter, sender, passes):
    assert sender_test(from_filter, "SG")(sender) is passes


def test_from_filter_reads_national_numbers_in_the_tenants_country():
    sender = "+4915112345678"
    tests = [sender_test("0151 12345678", country) for country in ("DE", "SG", "")]
    assert [test(sender) for test in tests] == [True, False, False]


# --- Times ------------------------------------------------------------------------------------


def is_active(local: str, days=(), zone="UTC", **hours) -> bool:
    at = datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone))
    window = {name: time.fromisoformat(value) for name, value in hours.items()}
    return mismatch(rule_for(active_days=list(days), **window), at=at) is None


@pytest.mark.parametrize(
    ("moment", "active"),
    [
        ("08:59:59", False),
        ("09:00:00", True),
        ("17:29:59", True),
        ("17:30:00", False),
        ("00:00:00", False),
    ],
)
def test_hours_begin_on_time_and_end_just_before(moment, active):
    hours = {"active_from": "09:00", "active_until": "17:30"}
    assert is_active(f"2026-06-12T{moment}", **hours) is active


@pytest.mark.parametrize(
    ("local", "active"),
    [
        ("2026-06-12T21:59", False),  # Friday
        ("2026-06-12T22:00", True),
        ("2026-06-12T23:59", True),
        ("2026-06-13T00:00", True),  # Saturday, but it began on Friday
        ("2026-06-13T05:59", True),
        ("2026-06-13T06:00", False),
        ("2026-06-13T22:00", False),
        ("2026-06-12T05:00", False),  # that one began on Thursday
    ],
)
def test_window_past_midnight_belongs_to_the_day_on_which_it_began(local, active):
    hours = {"active_from": "22:00", "active_until": "06:00"}
    assert is_active(local, days=[5], **hours) is active


def test_window_of_sunday_reaches_into_monday():
    hours = {"active_from": "22:00", "active_until": "06:00"}
    assert is_active("2026-06-15T03:00", days=[7], **hours) is True
    assert is_active("2026-06-15T03:00", days=[1], **hours) is False


def test_window_until_midnight_ends_there():
    hours = {"active_from": "18:00", "active_until": "00:00"}
    moments = ("2026-06-12T23:59", "2026-06-13T00:00")
    assert [is_active(moment, days=[5], **hours) for moment in moments] == [True, False]


def test_days_without_hours_are_whole_days():
    days = [f"2026-06-{day:02}T00:00" for day in range(8, 15)]  # Monday to Sunday
    assert [is_active(day, days=[1, 7]) for day in days] == [True] + [False] * 5 + [True]


@pytest.mark.parametrize(
    ("utc", "active"),
    [
        # Berlin: 2026-03-29, 02:00 becomes 03:00; 2026-10-25, 03:00 becomes 02:00.
        ("2026-03-28T07:59Z", False),
        ("2026-03-28T08:00Z", True),
        ("2026-03-29T06:59Z", False),
        ("2026-03-29T07:00Z", True),
        ("2026-10-24T07:00Z", True),
        ("2026-10-25T07:59Z", False),
        ("2026-10-25T08:00Z", True),
    ],
)
def test_hours_stay_on_the_wall_clock_through_summer_time(utc, active):
    at = datetime.fromisoformat(utc).astimezone(ZoneInfo("Europe/Berlin"))
    rule = rule_for(active_from=time(9), active_until=time(17))
    assert (mismatch(rule, at=at) is None) is active


def test_hour_that_comes_twice_counts_twice_and_one_that_is_left_out_never():
    berlin = ZoneInfo("Europe/Berlin")
    rule = rule_for(active_from=time(2), active_until=time(3))

    def active_minutes(start: datetime) -> int:
        moments = (start + timedelta(minutes=n) for n in range(24 * 60))
        return sum(mismatch(rule, at=moment.astimezone(berlin)) is None for moment in moments)

    starts = [datetime(2026, 6, 1, tzinfo=UTC)]
    starts += [datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)]
    assert [active_minutes(start) for start in starts] == [60, 0, 120]


@given(st.times(), st.times(), st.times(), st.integers(8, 14))
def test_window_and_the_rest_of_the_day_make_a_whole(start, end, moment, day):
    if start == end:
        return
    at = datetime.combine(datetime(2026, 6, day, tzinfo=UTC), moment, UTC)
    inside = mismatch(rule_for(active_from=start, active_until=end), at=at) is None
    outside = mismatch(rule_for(active_from=end, active_until=start), at=at) is None
    assert inside is not outside


# --- Which rule -------------------------------------------------------------------------------


def test_first_rule_that_matches_wins_and_the_rest_is_not_tried():
    rules = [
        rule_for(is_enabled=False),
        rule_for(active_days=[1]),
        rule_for(from_filter="9999"),
        rule_for("contains", "bye"),
        rule_for("contains", "hello"),
        rule_for(),
    ]
    compiled = [compile_rule(rule, "SG") for rule in rules]
    assert [why for _, why in steps(compiled, inbound())] == [
        Mismatch.DISABLED,
        Mismatch.TIME,
        Mismatch.SENDER,
        Mismatch.TEXT,
        None,
    ]
    assert first_match(compiled, inbound()) is rules[4]
    assert first_match(compiled[:4], inbound()) is None


def test_fifty_rules_take_less_than_a_millisecond():
    """CPU time, best of ten. Ten of the rules are regular expressions."""
    patterns = [
        *[("regex", rf"\b(?:order|bestellung)\s*#?\d{{4,8}}\b.{{0,{n}}}x") for n in range(10)],
        *[("contains", f"word {n}") for n in range(20)],
        *[("exact", f"word {n}") for n in range(20)],
    ]
    hours = {"active_from": time(9), "active_until": time(17), "active_days": [1, 2, 3, 4, 5]}
    compiled = [
        compile_rule(rule_for(match_type, pattern, from_filter="+65", **hours), "SG")
        for match_type, pattern in patterns
    ]

    def cpu_ms() -> float:
        started = clock.thread_time()
        assert first_match(compiled, inbound("Grüße, Bestellung 12345 ist da. " * 5)) is None
        return (clock.thread_time() - started) * 1000

    assert min(cpu_ms() for _ in range(10)) < 1
