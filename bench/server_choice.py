"""On demand: how many web processes and threads serve best."""

from dataclasses import replace

from bench.figures import Figure
from bench.load import take_turns
from bench.posting import Posting, figures_of
from bench.requests import single_requests
from bench.singles import CONNECTIONS
from bench.tenants import open_sender, pair_phones
from bench.web import FLOOR_B, GATEWAY, running

PROCESSES = (1, 2, 3)
THREADS = (4, 8, 16)
_ROUNDS = 2
_SECONDS = 3.0


def measure() -> list[Figure]:
    """Floor B and POST /v1/messages under each combination."""
    return [
        figure
        for processes in PROCESSES
        for threads in THREADS
        for figure in _measure(processes, threads)
    ]


def _measure(processes: int, threads: int) -> list[Figure]:
    sender = open_sender()
    pair_phones(sender.tenant, 1)
    requests = single_requests(sender.api_key)
    plain = replace(FLOOR_B, processes=processes, http_threads=threads)
    whole = replace(GATEWAY, processes=processes, http_threads=threads)
    with running(plain) as floor, running(whole) as gateway:
        contestants = {
            "floor B": Posting(floor, sender, requests, CONNECTIONS, _SECONDS),
            "POST /v1/messages": Posting(gateway, sender, requests, CONNECTIONS, _SECONDS),
        }
        for posting in contestants.values():
            posting.warm_up()
        runs = take_turns(_ROUNDS, {name: posting.run for name, posting in contestants.items()})
    where = f"{processes} processes, {threads} threads"
    return [
        figure
        for name in runs
        for figure in figures_of(f"{name}.{processes}.{threads}", f"{name}, {where}", runs[name])
    ]
