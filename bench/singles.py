"""POST /v1/messages, and floors A and B, on the same server and number of processes."""

from bench.figures import Figure, Ratio, at_least, at_most
from bench.load import take_turns
from bench.posting import Posting, figures_of
from bench.requests import single_requests
from bench.tenants import open_sender, pair_phones
from bench.web import FLOOR_A, FLOOR_B, GATEWAY, running

CONNECTIONS = 32
ROUNDS = 3
_LABELS = {
    "floor_a": "floor A: an empty JSON answer, no Django",
    "floor_b": "floor B: a plain Django view, one row, one commit",
    "single": "POST /v1/messages",
}
RATIOS = (
    Ratio("POST /v1/messages / floor B", "single.rate", "floor_b.rate", at_least(1.0)),
    Ratio("POST /v1/messages, p99 / p50", "single.p99", "single.p50", at_most(4)),
)


def measure() -> list[Figure]:
    """32 connections; the three take turns."""
    sender = open_sender()
    pair_phones(sender.tenant, 1)
    requests = single_requests(sender.api_key)
    with running(FLOOR_A) as bare, running(FLOOR_B) as plain, running(GATEWAY) as gateway:
        contestants = {
            "floor_a": Posting(bare, sender, requests, CONNECTIONS, seconds=2.0),
            "floor_b": Posting(plain, sender, requests, CONNECTIONS),
            "single": Posting(gateway, sender, requests, CONNECTIONS),
        }
        for posting in contestants.values():
            posting.warm_up()
        runs = take_turns(ROUNDS, {name: posting.run for name, posting in contestants.items()})
    return [
        figure
        for name, label in _LABELS.items()
        for figure in figures_of(name, f"{label}, {CONNECTIONS} connections", runs[name])
    ]
