"""The life of one message, written a second time and as plainly as possible.

From docs/device-protocol.md and docs/architecture.md alone; the tests compare the services with it.
"""

from dataclasses import dataclass, field

MAX_ATTEMPTS = 3
UNSENT = ("queued", "leased", "accepted")
CAUSE_PASSES = ("no_service", "radio_off", "limit_exceeded", "no_sim")
REPORTS = ("accepted", "sent", "delivered", "failed", "released")

End = tuple[str, int, str, bool]  # status, attempt, error code, whether it left


@dataclass
class ReferenceMessage:
    """`known` are the facts that its phone has reported: (attempt, kind, code, part)."""

    parts: int = 1
    status: str = "queued"
    error: str = ""
    attempt: int = 1
    is_unwanted: bool = False
    has_left: bool = False
    offered: set[int] = field(default_factory=set)
    known: set[tuple[int, str, str, int]] = field(default_factory=set)

    @property
    def end(self) -> End:
        return self.status, self.attempt, self.error, self.has_left

    def replay(self, kind: str, key: str, detail: dict) -> None:
        """What a stored event says."""
        if kind in REPORTS:
            attempt = int(key.partition(".")[0])
            self.report(kind, detail.get("code", ""), attempt, detail.get("part", 0))
        elif kind == "canceled":
            self.status = "canceled"
        else:
            {
                "leased": self.offer,
                "lease_ran_out": self.lease_runs_out,
                "cancel_asked": self.cancel,
                "expired": self.validity_runs_out,
                "unknown": self.stays_silent,
            }[kind]()

    def offer(self) -> None:
        if self.status == "queued":
            self.status = "leased"
            self.offered.add(self.attempt)

    def lease_runs_out(self) -> None:
        if self.status == "leased":
            self.status = "canceled" if self.is_unwanted else "queued"

    def validity_runs_out(self) -> None:
        if self.status == "queued":
            self.status, self.error = "expired", "expired"

    def stays_silent(self) -> None:
        if self.status == "accepted":
            self.status, self.error = "unknown", "unknown"

    def cancel(self) -> str:
        """What the tenant is told."""
        if self.status == "queued":
            self.status = "canceled"
            return "canceled"
        if self.status in ("leased", "accepted"):
            self.is_unwanted = True
            return "asked"
        return "conflict"

    def report(self, kind: str, code: str, attempt: int, part: int) -> str:
        """The verdict on a report of its phone; part 0 speaks for the whole."""
        if attempt not in self.offered:
            return "unknown_attempt"
        is_new = (attempt, kind, code, part) not in self.known
        self.known.add((attempt, kind, code, part))
        is_whole = part == 0 or all(
            (attempt, kind, code, each) in self.known for each in range(1, self.parts + 1)
        )
        if is_new and is_whole:
            self._learn(kind, code, is_current=attempt == self.attempt)
        return "stored"

    def _learn(self, kind: str, code: str, *, is_current: bool) -> None:
        """The strongest evidence wins: delivered, then undelivered, then sent, then the rest."""
        if kind == "delivered":
            self._left("delivered", "")
        elif self.status == "delivered":
            pass
        elif code == "undelivered":
            self._left("failed", code)
        elif self.error == "undelivered":
            pass
        elif kind == "sent":
            self._left("sent", "")
        elif is_current and self.status in UNSENT:
            self._learn_of_open(kind, code)
        elif is_current and self.status == "unknown":
            self._learn_of_unknown(kind, code)

    def _left(self, status: str, error: str) -> None:
        self.status, self.error, self.has_left = status, error, True

    def _learn_of_open(self, kind: str, code: str) -> None:
        proves_unsent = kind == "released" or code in CAUSE_PASSES
        if kind == "accepted":
            self.status = "accepted"
        elif proves_unsent and self.is_unwanted:
            self.status = "canceled"
        elif kind == "released" or (proves_unsent and self.attempt < MAX_ATTEMPTS):
            self.status, self.attempt = "queued", self.attempt + 1
        else:
            self.status = {"unknown": "unknown", "expired": "expired"}.get(code, "failed")
            self.error = code

    def _learn_of_unknown(self, kind: str, code: str) -> None:
        """It was announced as lost, so it is not tried again; but the truth is told."""
        if self.is_unwanted and (kind == "released" or code in CAUSE_PASSES):
            self.status, self.error = "canceled", ""
        elif kind == "failed" and code != "unknown":
            self.status, self.error = "expired" if code == "expired" else "failed", code
