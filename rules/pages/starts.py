"""Ready-made rules to start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

BLANK: Mapping[str, Any] = {
    "is_enabled": True,
    "match_type": "contains",
    "reply_enabled": True,
    "cool_down_unit": "hours",
}
_ANY_TEXT = {**BLANK, "match_type": "any", "reply_enabled": False}


class Start(NamedTuple):
    """A starting point: how the list offers it, and what the form is filled in with."""

    name: str
    icon: str
    title: str
    text: str
    initial: Mapping[str, Any]


STARTS = (
    Start(
        "hours",
        "conversations",
        "Reply when a text contains a word",
        "Say, your opening hours for whoever writes “hours”.",
        {
            **BLANK,
            "name": "Opening hours",
            "pattern": "hours",
            "reply_template": "{{tenantName}} is open Monday to Friday, 9:00 to 17:30.",
        },
    ),
    Start(
        "forward",
        "phones",
        "Forward everything to my phone",
        "Read what comes in wherever you are.",
        {**_ANY_TEXT, "name": "Forward to my phone", "does_forward": True},
    ),
    Start(
        "webhook",
        "webhooks",
        "Send every text to my webhook",
        "Your server hears of each text as JSON.",
        {**_ANY_TEXT, "name": "Texts to my server", "does_webhook": True},
    ),
)


def initial_of_start(name: str) -> Mapping[str, Any]:
    """What a new rule's form starts with; blank for any other name."""
    return next((start.initial for start in STARTS if start.name == name), BLANK)
