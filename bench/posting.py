"""Repeatable stretches of POSTs against one web server."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bench.database import empty_tables, postmaster_pid
from bench.figures import Figure
from bench.load import Run, closed_loop, metered
from bench.tenants import Sender, keep_online
from bench.web import WebServer

WARM_UP_SECONDS = 2.0


@dataclass(frozen=True)
class Posting:
    """`sender`'s requests on so many connections, on empty tables every time.

    The sender's phones count as online but have no socket, so nothing else happens meanwhile.
    """

    web: WebServer
    sender: Sender
    requests: Iterator[bytes]
    connections: int
    seconds: float = 4.0

    def warm_up(self) -> None:
        """Have every thread connect to the database and every statement prepared."""
        self.run(WARM_UP_SECONDS)

    def run(self, seconds: float | None = None) -> Run:
        """One stretch, with CPU times as `web` and `postgres`."""
        empty_tables()
        keep_online(self.sender.tenant)
        # New ones for each stretch: the server closes what is idle for a few seconds.
        connections = self.web.connect(self.connections)
        try:
            return metered(
                lambda: closed_loop(connections, self.requests, seconds or self.seconds),
                {"web": self.web.pid, "postgres": postmaster_pid()},
            )
        finally:
            for connection in connections:
                connection.close()


def figures_of(key: str, label: str, runs: Sequence[Run]) -> list[Figure]:
    """Rate, latencies and CPU time of the rounds of one contestant."""
    in_ms = {"p50": 0.5, "p99": 0.99}
    return [
        Figure.median(f"{key}.rate", label, [run.rate for run in runs], "requests/s"),
        *(
            Figure.median(
                f"{key}.{name}", f"  {name}", [run.quantile(share) * 1e3 for run in runs], "ms"
            )
            for name, share in in_ms.items()
        ),
        *(
            Figure.median(
                f"{key}.cpu.{server}",
                f"  CPU per request, {server}",
                [run.cpu_per_request(server) * 1e3 for run in runs],
                "ms",
            )
            for server in ("web", "postgres")
        ),
    ]
