"""Which rule a text fits. Pure, so that a dry run and the real thing cannot differ.

A keyword is compared as people mean it, by `fold`; a regular expression as it was written
(rules/patterns.py). Only the first 1,600 characters of a text are looked at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from devices.numbers import parse_sender
from rules.models import Rule
from rules.patterns import MAX_TEXT, InvalidPattern, compile_pattern

log = structlog.get_logger(__name__)

_turkish_i = re.compile("[Iiı]\u0307*")  # decomposed, İ is I and a dot
# Digits with what people put between them: such a filter is a number or a part of one.
_is_part_of_number = re.compile(r"[+ ()-]*[+0-9][0-9+ ()-]*", re.ASCII).fullmatch


class Mismatch(StrEnum):
    """Why a rule does not match, in the order in which it is asked."""

    DISABLED = "disabled"
    TIME = "time"
    SENDER = "sender"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text to match: the sender as messages store it, and when, in the tenant's time zone."""

    sender: str
    text: str
    folded: str
    at: datetime

    @classmethod
    def of(cls, *, sender: str, text: str, at: datetime) -> Inbound:
        return cls(sender, text, fold(text[:MAX_TEXT]), at)


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule made ready. `size` is that of its pattern's program, 0 without one."""

    rule: Rule
    fits_sender: Callable[[str], bool]
    fits_text: Callable[[Inbound], bool]
    size: int

    def mismatch(self, inbound: Inbound) -> Mismatch | None:
        """Why this is not the rule for `inbound`, or None if it is."""
        if not self.rule.is_enabled:
            return Mismatch.DISABLED
        if not is_active(self.rule, inbound.at):
            return Mismatch.TIME
        if not self.fits_sender(inbound.sender):
            return Mismatch.SENDER
        return None if self.fits_text(inbound) else Mismatch.TEXT


def compile_rule(rule: Rule, country: str) -> CompiledRule:
    """`rule` made ready; national numbers in its filter are read in `country`.

    What was saved can be searched for, unless a limit or the library has changed since. Such a rule
    matches nothing: a text must be received whatever the rules are.
    """
    try:
        fits_text, size = _text_test(rule)
        return CompiledRule(rule, sender_test(rule.from_filter, country), fits_text, size)
    except InvalidPattern as error:
        log.warning("rule cannot match", rule_id=rule.pk, reason=str(error))
        return CompiledRule(rule, lambda _: False, lambda _: False, 0)


def steps(
    rules: Iterable[CompiledRule], inbound: Inbound
) -> Iterator[tuple[CompiledRule, Mismatch | None]]:
    """Each of `rules`, in order, with why it does not match; the first that does is the last."""
    for rule in rules:
        mismatch = rule.mismatch(inbound)
        yield rule, mismatch
        if mismatch is None:
            return


def first_match(rules: Iterable[CompiledRule], inbound: Inbound) -> Rule | None:
    """The rule that `inbound` is for."""
    return next((step.rule for step, mismatch in steps(rules, inbound) if mismatch is None), None)


def fold(text: str) -> str:
    """`text` so that what people take for the same word is the same string.

    Unicode's compatibility caseless matching (Unicode 3.13, D146) with NFKC at the end: neither
    case, nor how an accent was typed, nor full width (ＹＥＳ) matters, and ß is ss. Beyond that the
    Turkish İ and ı are i: which letter a phone's Caps Lock makes of i depends on its language.
    """
    if text.isascii():
        return text.lower()
    text = _turkish_i.sub("i", unicodedata.normalize("NFKD", text))
    for _ in range(2):
        text = unicodedata.normalize("NFKC", text.casefold())
    return text


def is_active(rule: Rule, local: datetime) -> bool:
    """Whether `rule` is on at `local`, a time on the tenant's own clock.

    Hours are compared with that clock's hands, so a change to summer time moves nothing. A window
    past midnight belongs to the day on which it began. It ends just before `active_until`.
    """
    now, day = local.time(), local.isoweekday()
    start, end = rule.active_from, rule.active_until
    if start is not None and end is not None:
        if start > end and now < end:
            day = 7 if day == 1 else day - 1
        elif now < start or start < end <= now:
            return False
    return not rule.active_days or day in rule.active_days


def sender_test(from_filter: str, country: str) -> Callable[[str], bool]:
    """What tells whether a sender passes `from_filter`; raises InvalidPattern.

    Blank: everyone does. Digits, +, spaces, dashes and parentheses: a number, or a part of one. All
    else is searched for in the sender, both as it stands and as a regular expression.
    """
    wanted = unicodedata.normalize("NFKC", from_filter).strip()
    if not wanted:
        return lambda _: True
    if _is_part_of_number(wanted):
        number, part = parse_sender(wanted, country), _digits_of(wanted)
        return lambda sender: sender == number or part in _digits_of(sender)
    pattern, folded = compile_pattern(from_filter.strip()), fold(wanted)
    return lambda sender: folded in fold(sender) or pattern.is_in(sender)


def _text_test(rule: Rule) -> tuple[Callable[[Inbound], bool], int]:
    """(what tells whether a text fits, the size of its program); raises InvalidPattern."""
    if rule.match_type == Rule.MatchType.ANY:
        return lambda _: True, 0
    if rule.match_type == Rule.MatchType.REGEX:
        pattern = compile_pattern(rule.pattern)
        return lambda inbound: pattern.is_in(inbound.text), pattern.size
    wanted = fold(rule.pattern)
    if rule.match_type == Rule.MatchType.CONTAINS:
        return lambda inbound: wanted in inbound.folded, 0
    wanted = wanted.strip()
    # What is too long to be looked at whole is longer than any pattern, too.
    return lambda inbound: len(inbound.text) <= MAX_TEXT and inbound.folded.strip() == wanted, 0


def _digits_of(sender: str) -> str:
    """Digits and + of a number; nothing of a sender with letters."""
    if any(character.isalpha() for character in sender):
        return ""
    return "".join(character for character in sender if character in "+0123456789")
