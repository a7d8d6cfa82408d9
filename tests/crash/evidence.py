"""Waiting until everything is over, and writing down what is known then."""

from collections.abc import Mapping

from tests.crash.client import Client
from tests.crash.oracle import Evidence
from tests.crash.phone import Phone
from tests.crash.waiting import until

# `sent` is not the end here: the simulated network reports every delivery.
_OPEN = ("scheduled", "queued", "sent")


def gather_evidence(client: Client, phone: Phone, accepted: Mapping[str, str]) -> Evidence:
    """What is known of the client's tenant when none of its messages is open, or after a minute.

    What is still open by then is for the oracle to tell.
    """
    try:
        until(lambda: not _has_open(client), "the end of all messages", 60, 0.3)
    except AssertionError:
        return Evidence(accepted, client.rows(), phone.lines())
    return Evidence(accepted, client.rows(), phone.lines())


def _has_open(client: Client) -> bool:
    return any(next(client.listed(status=status, limit="1"), None) for status in _OPEN)
