"""What a modem was given: the number that it gave each part, to know its delivery reports by.

A delivery report names no text, only the reference (0 to 255, then from the start again) that the
modem gave the part when it was sent (3GPP TS 23.040 §9.2.3.6), and the recipient. So the newest
part with that reference and recipient, and without a report, is the one that is meant.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from agent.database import Database
from agent.radios.base import DeliveryReport, OutgoingText

FILE_NAME = "handed.sqlite3"
KEEP_SECONDS = 31 * 86_400
SCHEMA = """
CREATE TABLE IF NOT EXISTS handed (
    position INTEGER PRIMARY KEY,
    attempt_id TEXT NOT NULL UNIQUE,
    sim INTEGER NOT NULL,
    recipient TEXT NOT NULL,
    text TEXT NOT NULL,
    parts INTEGER NOT NULL,
    handle TEXT NOT NULL,         -- what the modem calls the text, '' if it has no name for it
    handed_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS part (
    attempt_id TEXT NOT NULL,
    part INTEGER NOT NULL,        -- from 1
    reference INTEGER NOT NULL,   -- 0 to 255
    is_reported INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (attempt_id, part)
);
CREATE INDEX IF NOT EXISTS part_reference ON part (reference) WHERE NOT is_reported;
CREATE TABLE IF NOT EXISTS slot (
    modem TEXT NOT NULL UNIQUE,   -- a name that it keeps when it is plugged in elsewhere
    slot INTEGER NOT NULL UNIQUE
);
"""


@dataclass(frozen=True)
class Handed:
    """One text that was given to the modem in slot `sim`."""

    attempt_id: str
    sim: int
    recipient: str
    text: str
    parts: int
    handle: str = ""
    handed_at: float = 0.0


def is_same_number(one: str, other: str) -> bool:
    """Networks report +6591234567 as 91234567 and the other way: the last 7 digits decide."""
    digits = ["".join(filter(str.isdigit, number))[-7:] for number in (one, other)]
    return digits[0] == digits[1]


class HandedTexts(Database):
    """Steps to be run with `write` and `read`."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir / FILE_NAME, SCHEMA)

    def begin(self, message: OutgoingText, parts: int, handle: str = "") -> None:
        """The modem is about to be given this text."""
        now = time.time()
        before = now - KEEP_SECONDS
        self._db.execute(
            "DELETE FROM part WHERE attempt_id IN "
            "(SELECT attempt_id FROM handed WHERE handed_at < ?)",
            (before,),
        )
        self._db.execute("DELETE FROM handed WHERE handed_at < ?", (before,))
        self._db.execute(
            "INSERT INTO handed (attempt_id, sim, recipient, text, parts, handle, handed_at) "
            "VALUES (?,?,?,?,?,?,?)",
            (message.attempt_id, message.sim, message.to, message.text, parts, handle, now),
        )

    def confirm(self, attempt_id: str, part: int, reference: int) -> None:
        """The modem has sent this part, under this reference."""
        self._db.execute(
            "INSERT OR REPLACE INTO part (attempt_id, part, reference) VALUES (?,?,?)",
            (attempt_id, part, reference),
        )

    def find(self, attempt_id: str) -> Handed | None:
        """The text of this attempt, None if the modem was never given it."""
        row = self._db.execute(
            "SELECT attempt_id, sim, recipient, text, parts, handle, handed_at "
            "FROM handed WHERE attempt_id = ?",
            (attempt_id,),
        ).fetchone()
        return row and Handed(*row)

    def find_handle(self, handle: str) -> Handed | None:
        """The newest text that the modem calls by this name."""
        row = self._db.execute(
            "SELECT attempt_id, sim, recipient, text, parts, handle, handed_at "
            "FROM handed WHERE handle = ? ORDER BY position DESC LIMIT 1",
            (handle,),
        ).fetchone()
        return row and Handed(*row)

    def parts_sent(self, attempt_id: str) -> int | None:
        """The number of parts if the modem confirmed every one of them, else None."""
        row = self._db.execute(
            "SELECT parts, (SELECT count(*) FROM part WHERE part.attempt_id = handed.attempt_id) "
            "FROM handed WHERE attempt_id = ?",
            (attempt_id,),
        ).fetchone()
        return int(row[0]) if row and row[0] == row[1] else None

    def match(self, sim: int, reference: int, recipient: str) -> DeliveryReport | None:
        """A (positive) report on the part that is meant, None if no such part was sent."""
        rows = self._db.execute(
            "SELECT attempt_id, part, parts, recipient FROM part JOIN handed USING (attempt_id) "
            "WHERE NOT is_reported AND reference = ? AND sim = ? ORDER BY position DESC, part",
            (reference, sim),
        )
        for attempt_id, part, parts, to in rows:
            if is_same_number(to, recipient):
                return DeliveryReport(attempt_id, part, parts)
        return None

    def mark_reported(self, report: DeliveryReport) -> None:
        """The report is stored and gone from the modem."""
        self._db.execute(
            "UPDATE part SET is_reported = 1 WHERE attempt_id = ? AND part = ?",
            (report.attempt_id, report.part),
        )

    def slot_of(self, modem: str) -> int:
        """The slot of a modem: the one that it always had, else the lowest free one."""
        row = self._db.execute("SELECT slot FROM slot WHERE modem = ?", (modem,)).fetchone()
        if row:
            return int(row[0])
        taken = {slot for (slot,) in self._db.execute("SELECT slot FROM slot")}
        free = next(slot for slot in range(1, len(taken) + 2) if slot not in taken)
        self._db.execute("INSERT INTO slot (modem, slot) VALUES (?,?)", (modem, free))
        return free
