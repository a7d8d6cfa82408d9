"""An SQLite file that asyncio can use: steps share transactions, and a commit is on the disk."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

from agent.batching import Batcher
from agent.errors import AgentError

PRAGMAS = """
PRAGMA locking_mode = EXCLUSIVE;  -- one agent per folder: two would both own the radio
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;        -- a commit is on the disk when it returns
"""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Database:
    """One connection. A step is a blocking method that uses `_db`; run it with `write` or `read`.

    Raises AgentError if the file cannot be opened or another process has it.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.changed = asyncio.Event()  # set after each write; cleared by the one who waits for it
        self._batcher: Batcher[Callable[[], Any], Any] = Batcher(self._run_batch)
        try:
            self._db = sqlite3.connect(
                path, timeout=1, isolation_level=None, check_same_thread=False
            )
            self._db.executescript(PRAGMAS + schema)
        except sqlite3.Error as error:
            hint = " (another agent uses this folder)" if "locked" in str(error) else ""
            raise AgentError(f"Cannot open {path}: {error}{hint}.") from error

    async def write(self, step: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """Run one step as (part of) a transaction; what it did is on the disk when this returns."""
        try:
            return await self.read(step, *arguments)
        finally:
            self.changed.set()

    async def read(self, step: Callable[[*Ts], T], *arguments: *Ts) -> T:
        """As `write`, for a step that changes nothing that anybody waits for."""
        result: T = await self._batcher.submit(lambda: step(*arguments))
        return result

    async def aclose(self) -> None:
        """Finish what was submitted and close the file."""
        await self._batcher.finish()
        self._db.close()

    def _run_batch(self, steps: list[Callable[[], Any]]) -> list[Any]:
        with self._db:  # commits, or rolls back if a step raises
            self._db.execute("BEGIN IMMEDIATE")
            return [step() for step in steps]
