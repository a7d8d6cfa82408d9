"""CPU that it takes to find out which of 50 rules a text fits."""

import time

from django.utils import timezone

from bench.figures import Figure, at_most
from rules.matching import Inbound, compile_rule, first_match
from rules.models import Rule

RULES, REGEXES = 50, 10
ROUNDS, TEXTS = 5, 2000
_SENTENCE = "Hello, I would like to move my appointment of next Tuesday, number {}, to Friday. "
_PATTERNS = (r"\border\s+#?\d{3,}\b", r"^(yes|no|maybe)\b", r"\b\d{1,2}[:.]\d{2}\b", r"inv-\d+")


def measure() -> list[Figure]:
    """Texts of 160 characters that no rule fits, so that every rule is tried."""
    rules = [compile_rule(_rule(number), "") for number in range(RULES)]
    texts = [(_SENTENCE.format(number) * 2)[:160] for number in range(TEXTS)]
    rounds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for text in texts:
            inbound = Inbound.of(sender="+6581230000", text=text, at=timezone.now())
            first_match(rules, inbound)
        rounds.append((time.process_time() - started) / TEXTS * 1e3)
    label = f"CPU to match a text against {RULES} rules, {REGEXES} of them regular expressions"
    figure = Figure.median("rules.cpu", label, rounds, "ms")
    return [Figure(figure.key, label, figure.value, "ms", at_most(1), figure.rounds)]


def _rule(number: int) -> Rule:
    if number < REGEXES:
        pattern = f"{_PATTERNS[number % len(_PATTERNS)]}|nothing{number}"
        return Rule(match_type=Rule.MatchType.REGEX, pattern=pattern)
    kind = Rule.MatchType.CONTAINS if number % 2 else Rule.MatchType.EXACT
    return Rule(match_type=kind, pattern=f"keyword {number}")
