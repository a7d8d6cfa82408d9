"""Functions that tests name in INBOUND_RULES."""

from messaging.events import Reaction
from messaging.models import Message

asked: list[tuple[int, str, str]] = []


def look(*, message: Message, text: str) -> Reaction:
    """Match nothing, and remember what was asked about: (message, its stored text, `text`)."""
    asked.append((message.pk, message.text, text))
    return Reaction()


def match(*, message: Message, text: str) -> Reaction:
    """Match everything, and keep it from the endpoints."""
    return Reaction("rule_1", is_forwarded=False)
