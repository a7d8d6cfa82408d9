"""What an error code of a message means, and what somebody can do about it."""

from __future__ import annotations

from typing import NamedTuple

from messaging.models import Message


class Explanation(NamedTuple):
    """`what` happened in a few words, and what `todo`, in a sentence or two."""

    what: str
    todo: str = ""


# The codes of docs/device-protocol.md, and the gateway's own.
_OF_CODES = {
    "no_service": Explanation(
        "The phone had no network",
        "It was tried several times. Check the phone’s reception and its SIM, then send again.",
    ),
    "radio_off": Explanation(
        "The phone’s radio was off",
        "Turn off airplane mode on the phone, then send again.",
    ),
    "limit_exceeded": Explanation(
        "The phone’s own limit for texts was reached",
        "Android lets an app send only so many texts at a time. Send again later, or through"
        " another phone.",
    ),
    "no_sim": Explanation(
        "The phone found no SIM",
        "Put the SIM in, or choose another phone or SIM, then send again.",
    ),
    "no_permission": Explanation(
        "The phone’s program may not send texts",
        "Give it the permission to send SMS, or choose another phone, then send again.",
    ),
    "no_default_app": Explanation(
        "The phone’s program is not its SMS app",
        "Make it the SMS app in the phone’s settings, or choose another phone, then send again.",
    ),
    "invalid_number": Explanation(
        "The network does not know this number",
        "Check the number. Sending again to the same one will fail again.",
    ),
    "rejected": Explanation(
        "The network refused it",
        "The SIM may be out of credit or blocked from sending. Check with your operator.",
    ),
    "generic_failure": Explanation(
        "The phone said only that it failed",
        "It may have left all the same, so ask the recipient before you send again.",
    ),
    "undelivered": Explanation(
        "The network could not deliver it",
        "The recipient’s phone was off for too long, or the number is no longer in use.",
    ),
    "unknown": Explanation(
        "Nobody can tell whether it was sent",
        "The phone was interrupted. To send again may send it twice: ask the recipient first.",
    ),
    "expired": Explanation(
        "It ran out of time before a phone could send it",
        "Check that a phone is online and within its limits, then send again.",
    ),
    "recipient_opted_out": Explanation(
        "The recipient has opted out",
        "Nothing more is sent to this number until they write START.",
    ),
}


def explain(message: Message) -> Explanation | None:
    """Why `message` has not arrived; None when nothing went wrong."""
    if not message.error_code and not message.error:
        return None
    known = _OF_CODES.get(message.error_code)
    return known or Explanation(message.error or message.error_code)
