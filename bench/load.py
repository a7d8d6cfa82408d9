"""A closed loop: every connection has one request under way, until the time is over."""

import select
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.connection import TIMEOUT_SECONDS, Connection
from bench.errors import BenchError
from bench.processes import cpu_seconds


@dataclass(frozen=True)
class Run:
    """One measured stretch: a latency for each request, and CPU by server; all in seconds."""

    latencies: Sequence[float]
    seconds: float
    cpu: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Requests per second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """The latency in seconds that `share` of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def cpu_per_request(self, server: str) -> float:
        """CPU seconds that `server` used for one request."""
        return self.cpu[server] / len(self.latencies)


Contestant = Callable[[], Run]


def take_turns(rounds: int, contestants: Mapping[str, Contestant]) -> dict[str, list[Run]]:
    """Each contestant's runs, one a round, in turns: noise of the machine meets them all."""
    runs: dict[str, list[Run]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, contestant in contestants.items():
            runs[name].append(contestant())
    return runs


def median_of(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    """The median of one figure over the rounds."""
    return median(figure(run) for run in runs)


def metered(run: Callable[[], Run], servers: Mapping[str, int]) -> Run:
    """`run` with the CPU time of `servers` (name -> process id of the root) meanwhile."""
    before = {name: cpu_seconds(pid) for name, pid in servers.items()}
    done = run()
    cpu = {name: cpu_seconds(pid) - before[name] for name, pid in servers.items()}
    return Run(done.latencies, done.seconds, cpu)


def closed_loop(
    connections: Sequence[Connection], requests: Iterator[bytes], seconds: float
) -> Run:
    """Keep `connections` busy with `requests` for `seconds`, then wait for the last answers.

    One thread and epoll: the cheapest client in Python, which matters because it shares the cores
    with what it measures. Raises BenchError for an answer that is not 2xx, or none in 30 s.
    """
    latencies: list[float] = []
    by_file = {connection.socket.fileno(): connection for connection in connections}
    with select.epoll() as poll:
        for file in by_file:
            poll.register(file, select.EPOLLIN)
        started = time.perf_counter()
        for connection in connections:
            connection.send(next(requests))
        busy = len(by_file)
        while busy:
            ready = poll.poll(TIMEOUT_SECONDS)
            if not ready:
                raise BenchError(f"No answer for {TIMEOUT_SECONDS:g} s.")
            for file, _ in ready:
                connection = by_file[file]
                if connection.receive() is None:
                    continue
                now = time.perf_counter()
                latencies.append(now - connection.sent_at)
                if now - started < seconds:
                    connection.send(next(requests))
                else:
                    busy -= 1
    return Run(latencies, time.perf_counter() - started)
