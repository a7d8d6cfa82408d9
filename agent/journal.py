"""What the agent must not forget: the texts it was offered, and the facts it owes the gateway.

A text's state goes `stored -> submitting -> sent | failed | unknown`, or `stored -> failed`
(expired) or `stored -> released` (cancelled). The fact that tells of a step is written in the same
transaction as the step. Nothing ever leads back to `stored`, so nothing is sent twice.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from agent import frames
from agent.database import Database
from agent.frames import MessageSend
from agent.radios.base import DeliveryReport, Failed, Outcome, OutgoingText, RadioEvent, Sent

FILE_NAME = "journal.sqlite3"
KEEP_SECONDS = 31 * 86_400  # the protocol asks for 30 days
KEEP_NEWEST = 10_000  # whatever their age: a clock that jumps must not make us forget
SCHEMA = """
CREATE TABLE IF NOT EXISTS attempt (
    position INTEGER PRIMARY KEY,
    attempt_id TEXT NOT NULL UNIQUE,
    recipient TEXT NOT NULL,
    text TEXT NOT NULL,
    sim INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'stored',
    stored_at REAL NOT NULL,      -- seconds, wall clock
    life REAL,                    -- seconds from arrival to expiry, NULL: never expires
    deadline REAL                 -- its end on the monotonic clock of the process that runs
);
CREATE INDEX IF NOT EXISTS attempt_state ON attempt (state, sim, position);
CREATE TABLE IF NOT EXISTS fact (
    position INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    subject TEXT NOT NULL UNIQUE, -- what it is about: the same thing is told under one id only
    attempt_id TEXT,
    type TEXT NOT NULL,
    frame TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'open', -- open, acked, or refused by the gateway for good
    made_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS fact_open ON fact (position) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS fact_attempt ON fact (attempt_id);
"""


def boot_seconds() -> float:
    """A clock that nobody sets; it goes on while the machine sleeps, where the system has such."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


class Fact(NamedTuple):
    """One frame that waits for its ack."""

    id: str
    type: str
    frame: str


class Journal(Database):
    """The journal's steps. `monotonic` and `wall` are clocks in seconds."""

    def __init__(
        self,
        path: Path,
        monotonic: Callable[[], float] = boot_seconds,
        wall: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(path, SCHEMA)
        self._monotonic = monotonic
        self._wall = wall
        self._restart_clocks()

    # An attempt

    def store(self, offer: MessageSend) -> bool:
        """Take an offer in. False if its id is known: then its facts are due once more."""
        now = self._wall()
        life = None if offer.expires_in_ms is None else offer.expires_in_ms / 1000
        deadline = None if life is None else self._monotonic() + life
        is_new = self._change(
            "INSERT OR IGNORE INTO attempt "
            "(attempt_id, recipient, text, sim, stored_at, life, deadline) VALUES (?,?,?,?,?,?,?)",
            (offer.attempt_id, offer.to, offer.text, offer.sim, now, life, deadline),
        )
        if is_new:
            self._tell_attempt(offer.attempt_id, "message.accepted")
        else:
            self._change(
                "UPDATE fact SET state = 'open' WHERE attempt_id = ? AND state = 'acked'",
                (offer.attempt_id,),
            )
        return bool(is_new)

    def release(self, attempt_id: str, reason: str) -> bool:
        """Give a stored text back to the gateway. False if it is too late or the id is unknown."""
        moved = self._move(attempt_id, "stored", "released")
        if moved:
            self._tell_attempt(attempt_id, "message.released", reason=reason)
        return moved

    def claim_next(self, sim: int) -> OutgoingText | None:
        """The oldest stored text of a SIM, moved to `submitting`; None if there is none."""
        self.expire_due()
        row = self._db.execute(
            "SELECT attempt_id, recipient, text, sim FROM attempt "
            "WHERE state = 'stored' AND sim = ? ORDER BY position LIMIT 1",
            (sim,),
        ).fetchone()
        if row is None:
            return None
        self._move(row[0], "stored", "submitting")
        return OutgoingText(*row)

    def finish(self, attempt_id: str, outcome: Outcome) -> None:
        """Write down what came of a submitting text."""
        match outcome:
            case Sent(parts=1):
                if self._move(attempt_id, "submitting", "sent"):
                    self._tell_attempt(attempt_id, "message.sent")
            case Sent(parts=parts):
                if self._move(attempt_id, "submitting", "sent"):
                    for part in range(1, parts + 1):
                        self._tell_attempt(attempt_id, "message.sent", part=part, parts=parts)
            case Failed(code=code):
                state = "unknown" if code == "unknown" else "failed"
                if self._move(attempt_id, "submitting", state):
                    self._tell_failure(attempt_id, outcome)

    def expire_due(self) -> None:
        """End the stored texts whose life ran out before the radio was called."""
        rows = self._db.execute(
            "SELECT attempt_id FROM attempt WHERE state = 'stored' AND deadline <= ?",
            (self._monotonic(),),
        ).fetchall()
        for (attempt_id,) in rows:
            self._move(attempt_id, "stored", "failed")
            self._tell_failure(attempt_id, Failed("expired", "its time ran out in the queue"))

    def interrupted(self) -> list[str]:
        """Ids of texts found in `submitting`."""
        return self._column("SELECT attempt_id FROM attempt WHERE state = 'submitting'")

    def holding(self, limit: int) -> list[str]:
        """Ids of the oldest texts that are not finished."""
        return self._column(
            "SELECT attempt_id FROM attempt WHERE state IN ('stored', 'submitting') "
            "ORDER BY position LIMIT ?",
            limit,
        )

    def count_holding(self) -> int:
        """How many texts are not finished."""
        query = "SELECT count(*) FROM attempt WHERE state IN ('stored', 'submitting')"
        return int(self._db.execute(query).fetchone()[0])

    def waiting_sims(self) -> list[int]:
        """Slots for which a text is stored."""
        return self._column("SELECT DISTINCT sim FROM attempt WHERE state = 'stored'")

    # A fact

    def add(self, event: RadioEvent) -> None:
        """Turn what the radio told into a fact, once however often it is told."""
        if isinstance(event, DeliveryReport):
            self._add_report(event)
            return
        fields = {
            "from": event.sender,
            "to": event.to,
            "text": event.text,
            "sim": event.sim,
            "received_at": frames.timestamp(event.received_at),
            "provider_key": event.provider_key,
        }
        frame = frames.frame("message.received", fields)
        self._tell(frame, subject=f"received/{event.provider_key}")

    def open_facts(self, limit: int) -> list[Fact]:
        """The oldest facts without an ack."""
        rows = self._db.execute(
            "SELECT id, type, frame FROM fact WHERE state = 'open' ORDER BY position LIMIT ?",
            (limit,),
        )
        return [Fact(*row) for row in rows]

    def settle(self, fact_id: str, state: str) -> bool:
        """The gateway answered an open fact: `acked` or `refused`. False if it is not one."""
        return self._change(
            "UPDATE fact SET state = ? WHERE id = ? AND state = 'open'", (state, fact_id)
        )

    def prune(self, keep_seconds: float = KEEP_SECONDS, keep_newest: int = KEEP_NEWEST) -> None:
        """Forget finished texts and told facts that are both old and not among the newest."""
        before = self._wall() - keep_seconds
        self._change(
            "DELETE FROM fact WHERE state != 'open' AND made_at < ? "
            "AND position <= (SELECT max(position) FROM fact) - ?",
            (before, keep_newest),
        )
        self._change(
            "DELETE FROM attempt WHERE state NOT IN ('stored', 'submitting') AND stored_at < ? "
            "AND position <= (SELECT max(position) FROM attempt) - ? "
            "AND attempt_id NOT IN (SELECT attempt_id FROM fact WHERE attempt_id NOT NULL)",
            (before, keep_newest),
        )

    # Inside of the steps

    def _restart_clocks(self) -> None:
        """Deadlines on this process's clock: the life that was left by the wall clock, and never
        more than the whole life if the wall clock was set back in between."""
        self._db.execute(
            "UPDATE attempt SET deadline = ? + life - max(0, ? - stored_at) "
            "WHERE state = 'stored' AND life NOT NULL",
            (self._monotonic(), self._wall()),
        )

    def _move(self, attempt_id: str, old: str, new: str) -> bool:
        return self._change(
            "UPDATE attempt SET state = ? WHERE attempt_id = ? AND state = ?",
            (new, attempt_id, old),
        )

    def _add_report(self, report: DeliveryReport) -> None:
        known = "SELECT 1 FROM attempt WHERE attempt_id = ?"
        if self._db.execute(known, (report.attempt_id,)).fetchone() is None:
            return
        if not report.delivered:
            reason = report.reason or "negative delivery report"
            self._tell_failure(report.attempt_id, Failed("undelivered", reason))
        elif report.parts == 1:
            self._tell_attempt(report.attempt_id, "message.delivered")
        else:
            self._tell_attempt(
                report.attempt_id, "message.delivered", part=report.part, parts=report.parts
            )

    def _tell_failure(self, attempt_id: str, failed: Failed) -> None:
        reason = failed.reason[:200]
        self._tell_attempt(attempt_id, "message.failed", code=failed.code, reason=reason)

    def _tell_attempt(self, attempt_id: str, type_name: str, **fields: Any) -> None:
        fields = {"attempt_id": attempt_id, **fields, "occurred_at": frames.timestamp()}
        subject = f"{type_name}/{fields.get('part') or fields.get('code') or ''}/{attempt_id}"
        self._tell(frames.frame(type_name, fields), subject)

    def _tell(self, frame: dict[str, Any], subject: str) -> None:
        self._change(
            "INSERT OR IGNORE INTO fact (id, subject, attempt_id, type, frame, made_at) "
            "VALUES (?,?,?,?,?,?)",
            (
                frame["id"],
                subject,
                frame.get("attempt_id"),
                frame["type"],
                frames.encode(frame),
                self._wall(),
            ),
        )

    def _change(self, statement: str, values: tuple[Any, ...]) -> bool:
        """True if the statement changed at least one row."""
        return self._db.execute(statement, values).rowcount > 0

    def _column(self, query: str, *values: Any) -> list[Any]:
        return [row[0] for row in self._db.execute(query, values)]
