"""Rules in words, as people read them on the pages."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlsplit

from rules.matching import Mismatch
from rules.models import Rule, RuleAction

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")  # ISO weekdays from 1
UNITS = {"days": 86_400, "hours": 3600, "minutes": 60, "seconds": 1}
_MOST_SHOWN = 60  # characters of a pattern
_ENOUGH_OF_WEEK = 3  # days in a row from which on they are a range

_TEXT = {
    Rule.MatchType.CONTAINS: "contains “{}”",
    Rule.MatchType.EXACT: "is exactly “{}”",
    Rule.MatchType.REGEX: "fits the pattern “{}”",
}


class Doing(NamedTuple):
    """One thing that a rule does: its icon (static/icons.svg), a verb, and with what."""

    icon: str
    verb: str
    what: str = ""


KINDS = {
    RuleAction.Kind.REPLY: Doing("conversations", "Reply"),
    RuleAction.Kind.EMAIL: Doing("send", "E-mail"),
    RuleAction.Kind.WEBHOOK: Doing("webhooks", "Webhook"),
    RuleAction.Kind.FORWARD: Doing("phones", "Forward"),
    RuleAction.Kind.ADD_TO_GROUP: Doing("team", "Add to group"),
    RuleAction.Kind.OPT_OUT: Doing("out", "Opt out"),
}


def conditions(rule: Rule) -> str:
    """When `rule` matches: Text contains “hours”, from numbers with +65, Mon–Fri 09:00–17:30."""
    sender = _sender(rule)
    parts = (
        f"Text {_text(rule)}" if rule.match_type in _TEXT else "Any text",
        f"from {sender}" if sender else "",
        times(rule),
    )
    return ", ".join(part for part in parts if part)


def times(rule: Rule) -> str:
    """The days and hours of `rule`; empty if it is always on."""
    hours = ""
    if rule.active_from is not None and rule.active_until is not None:
        is_over_night = rule.active_from > rule.active_until
        hours = f"{rule.active_from:%H:%M}–{rule.active_until:%H:%M}"
        hours += " of the next day" if is_over_night else ""
    return " ".join(part for part in (days(rule.active_days), hours) if part)


def days(numbers: Iterable[int]) -> str:
    """ISO weekdays: Mon–Fri; Mon, Wed; empty for all seven and for none."""
    known = sorted(set(numbers))
    if len(known) in (0, len(DAYS)):
        return ""
    rows = [
        [day for _, day in row] for _, row in groupby(enumerate(known), lambda at: at[1] - at[0])
    ]
    return ", ".join(part for row in rows for part in _row(row))


def doings(rule: Rule) -> list[Doing]:
    """What `rule` (with its group) does, in the order in which it is done."""
    kinds = RuleAction.Kind
    chosen = (
        (kinds.REPLY, rule.reply_enabled, f"“{_short(rule.reply_template)}”"),
        (kinds.EMAIL, rule.email, rule.email),
        (kinds.WEBHOOK, rule.webhook, urlsplit(rule.webhook).hostname or rule.webhook),
        (kinds.FORWARD, rule.forward_to, f"to {rule.forward_to}"),
        (
            kinds.ADD_TO_GROUP,
            rule.add_to_group,
            rule.add_to_group.name if rule.add_to_group else "",
        ),
        (kinds.OPT_OUT, rule.opt_out, ""),
    )
    return [KINDS[kind]._replace(what=what) for kind, is_on, what in chosen if is_on]


def why_not(rule: Rule, mismatch: Mismatch) -> str:
    """Why `rule` does not match a text, as a sentence."""
    return {
        Mismatch.DISABLED: "It is switched off.",
        Mismatch.TIME: f"It is on {times(rule)} only.",
        Mismatch.SENDER: f"It is for texts from {_sender(rule)}.",
        Mismatch.TEXT: f"It wants a text that {_text(rule)}.",
    }[mismatch]


def amount_of(seconds: int) -> tuple[int, str]:
    """(how many, of which of UNITS) with the largest unit of which `seconds` are a whole number."""
    if seconds == 0:
        return 0, "hours"
    return next((seconds // size, unit) for unit, size in UNITS.items() if seconds % size == 0)


def duration(seconds: int) -> str:
    """1 hour; 90 seconds."""
    amount, unit = amount_of(seconds)
    return f"{amount:,} {unit[:-1] if amount == 1 else unit}"


def _text(rule: Rule) -> str:
    pattern = _TEXT.get(Rule.MatchType(rule.match_type))
    return pattern.format(_short(rule.pattern)) if pattern else "is anything"


def _sender(rule: Rule) -> str:
    wanted = rule.from_filter.strip()
    if not wanted:
        return ""
    has_letters = any(character.isalpha() for character in wanted)
    return f"senders like “{_short(wanted)}”" if has_letters else f"numbers with {_short(wanted)}"


def _row(row: list[int]) -> list[str]:
    names = [DAYS[day - 1] for day in row]
    return names if len(row) < _ENOUGH_OF_WEEK else [f"{names[0]}–{names[-1]}"]


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN]}…"
