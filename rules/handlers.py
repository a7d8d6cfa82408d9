"""What rules do when a text comes in; inside the transaction in which it is stored."""

from messaging.events import Reaction
from messaging.models import Message
from rules.services import reactions


def react(*, message: Message, text: str) -> Reaction:
    """Match `text` against the tenant's rules and write down what is to be done.

    Named in `INBOUND_RULES`. `text` is passed because the row has none when none may be kept.
    """
    return reactions.react(message=message, text=text)
