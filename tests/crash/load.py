"""Many clients at once, who send until they are told to stop."""

import itertools
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType

from tests.crash.account import Account
from tests.crash.client import Client
from tests.crash.waiting import until

_numbers = itertools.count()


def recipient() -> str:
    """A fresh number; none ends so that the simulated phone would let it fail."""
    return f"+6582{next(_numbers) % 10_000:04}11"


class Load:
    """A context: clients send as long as it lasts, every second one with Idempotency-Keys.

    Afterwards `accepted` has what was answered 202, id -> text. A text that begins with "keyed" was
    sent under one key, however often it was repeated.
    """

    def __init__(
        self, account: Account, port: int, *, clients: int = 6, pause_seconds: float = 0.05
    ) -> None:
        self.accepted: dict[str, str] = {}
        self.clients = [Client(port, account.api_key) for _ in range(clients)]
        self._pause_seconds = pause_seconds
        self._over = threading.Event()
        self._threads = ThreadPoolExecutor(clients)
        self._results: list[Future[None]] = []

    @property
    def lost(self) -> int:
        """Requests that got no answer."""
        return sum(client.lost for client in self.clients)

    @property
    def refused(self) -> int:
        """Answers other than 202."""
        return sum(len(client.refusals) for client in self.clients)

    def wait_for_refusals(self, more: int) -> None:
        """Wait until so many more answers were other than 202."""
        enough = self.refused + more
        until(lambda: self.refused >= enough, f"{more} more refusals")

    def __enter__(self) -> "Load":
        self._results = [
            self._threads.submit(self._send, number, client)
            for number, client in enumerate(self.clients)
        ]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Raises what made a client give up, unless something was raised already."""
        self._over.set()
        self._threads.shutdown()
        if error is None:
            for result in self._results:
                result.result()

    def _send(self, number: int, client: Client) -> None:
        try:
            while not self._over.wait(self._pause_seconds):
                serial = next(_numbers)
                text = f"{'keyed' if number % 2 else 'plain'} {serial}"
                key = text if number % 2 else None
                answer = client.send(recipient(), text, key)
                self.accepted[answer.json["id"]] = text
        finally:
            client.close()
