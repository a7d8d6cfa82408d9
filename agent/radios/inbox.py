"""The simulated phone's inbox: texts typed in one process, read by the agent in another."""

import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import uuid_utils

from agent.errors import AgentError
from agent.frames import MAX_TEXT_CHARACTERS
from agent.radios.base import IncomingText

MAX_SIMS = 8
FILE_NAME = "inbox.sqlite3"
SCHEMA = """
PRAGMA journal_mode = WAL;    -- readers and writers do not wait for each other
PRAGMA synchronous = NORMAL;  -- nor for the disk: only a power failure can lose a typed text
CREATE TABLE IF NOT EXISTS inbox (
    position INTEGER PRIMARY KEY,
    provider_key TEXT NOT NULL,
    sender TEXT NOT NULL,
    text TEXT NOT NULL,
    sim INTEGER NOT NULL,
    received_at REAL NOT NULL
);
"""


class Inbox:
    """Any number of processes may add, one takes out. Each call takes well under a millisecond."""

    def __init__(self, data_dir: Path) -> None:
        try:
            self._db = sqlite3.connect(data_dir / FILE_NAME, timeout=10, isolation_level=None)
            self._db.executescript(SCHEMA)
        except sqlite3.Error as error:
            raise AgentError(f"Cannot open the inbox {data_dir / FILE_NAME}: {error}.") from error

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def add(self, sender: str, text: str, sim: int = 1) -> None:
        """Put one text in, received now. Raises AgentError for what no network would carry."""
        if not sender.isprintable() or not 1 <= len(sender) <= 20 or " " in sender:
            raise AgentError(f"{sender!r} is not a sender: give a number such as +6581230000.")
        if not 1 <= len(text) <= MAX_TEXT_CHARACTERS:
            raise AgentError(f"A text has 1 to {MAX_TEXT_CHARACTERS} characters.")
        if not 1 <= sim <= MAX_SIMS:
            raise AgentError(f"There are at most {MAX_SIMS} SIM cards: give a slot from 1.")
        clean = text.encode(errors="replace").decode()  # a terminal may give lone surrogates
        row = (str(uuid_utils.uuid7()), sender, clean, sim, datetime.now(UTC).timestamp())
        self._db.execute(
            "INSERT INTO inbox (provider_key, sender, text, sim, received_at) VALUES (?,?,?,?,?)",
            row,
        )

    def waiting(self) -> list[IncomingText]:
        """What is in, oldest first."""
        rows = self._db.execute(
            "SELECT provider_key, sender, text, sim, received_at FROM inbox "
            "ORDER BY position LIMIT 100"
        ).fetchall()
        return [
            IncomingText(
                provider_key=f"simulated-{key}",
                sender=sender,
                text=text,
                sim=sim,
                received_at=datetime.fromtimestamp(received_at, UTC),
            )
            for key, sender, text, sim, received_at in rows
        ]

    def remove(self, text: IncomingText) -> None:
        """Forget a text that the agent has stored."""
        key = text.provider_key.removeprefix("simulated-")
        self._db.execute("DELETE FROM inbox WHERE provider_key = ?", (key,))
