"""Writing down what has to be delivered."""

from messaging.models import Message


def post_inbound(*, message: Message, text: str, url: str, matched_rule_id: str = "") -> str:
    """Queue the inbound payload for `url`, in the caller's transaction; the `evt_…` id.

    Named in `INBOUND_POSTERS`. Called twice for one message and URL, it queues one delivery.
    """
    return ""
