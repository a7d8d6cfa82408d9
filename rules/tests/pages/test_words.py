"""How a rule and what came of it are told in words."""

from datetime import time

import pytest

from rules.matching import Mismatch
from rules.models import Rule
from rules.pages.words import amount_of, conditions, days, doings, duration, why_not

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"match_type": "any"}, "Any text"),
        ({"match_type": "exact", "pattern": "yes"}, "Text is exactly “yes”"),
        (
            {
                **{"match_type": "contains", "pattern": "hours", "from_filter": "+65"},
                **{"active_days": [1, 2, 3, 4, 5], "active_from": time(9)},
                "active_until": time(17, 30),
            },
            "Text contains “hours”, from numbers with +65, Mon–Fri 09:00–17:30",
        ),
        (
            {"match_type": "regex", "pattern": "^a", "from_filter": "DBS", "active_days": [6, 7]},
            "Text fits the pattern “^a”, from senders like “DBS”, Sat, Sun",
        ),
        (
            {"match_type": "any", "active_from": time(22), "active_until": time(6)},
            "Any text, 22:00–06:00 of the next day",
        ),
    ],
)
def test_conditions_are_told_in_words(columns, words):
    assert conditions(Rule(**columns)) == words


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([], ""),
        ([1, 2, 3, 4, 5, 6, 7], ""),
        ([5, 1, 3], "Mon, Wed, Fri"),
        ([1, 2, 3, 6], "Mon–Wed, Sat"),
    ],
)
def test_days_in_a_row_are_a_range(numbers, words):
    assert days(numbers) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((60, "1 minute"), (90, "90 seconds"), (7200, "2 hours"), (86_400, "1 day")),
        (36 * 3600, "36 hours"),
    ],
)
def test_duration_is_told_in_its_largest_whole_unit(seconds, words):
    assert duration(seconds) == words


def test_no_duration_is_told_in_hours():
    assert amount_of(0) == (0, "hours")


def test_doings_come_in_the_order_in_which_they_are_done():
    rule = Rule(
        webhook="https://example.com/a/b",
        reply_enabled=True,
        reply_template="Yes,\nwe",
        opt_out=True,
    )
    assert [(doing.verb, doing.what) for doing in doings(rule)] == [
        ("Reply", "“Yes, we”"),
        ("Webhook", "example.com"),
        ("Opt out", ""),
    ]


def test_why_not_names_what_the_rule_wants():
    rule = Rule(match_type="contains", pattern="hours", from_filter="+65", active_days=[1])
    assert [why_not(rule, reason) for reason in Mismatch] == [
        "It is switched off.",
        "It is on Mon only.",
        "It is for texts from numbers with +65.",
        "It wants a text that contains “hours”.",
    ]
