"""Which texts of Android's inbox are new: a high-water mark, kept on the disk.

The mark is the highest `_id` told so far. Android may give an `_id` again after the newest text was
deleted; such a text is newer than all that were told, and known by that.
"""

from pathlib import Path

from agent.database import Database
from agent.radios import termux_api
from agent.radios.termux_api import Row

FILE_NAME = "termux.sqlite3"
PAGE = 50
MAX_PAGES = 400
SCHEMA = "CREATE TABLE IF NOT EXISTS mark (id INTEGER NOT NULL, received TEXT NOT NULL);"


class TermuxInbox(Database):
    """`new_rows` gives what is new, `take` moves the mark once a text is stored."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir / FILE_NAME, SCHEMA)

    async def new_rows(self) -> list[Row]:
        """Oldest first. On the very first call the mark is set, and what is there stays untold."""
        mark = await self.read(self._mark)
        found: dict[int, Row] = {}
        for page in range(MAX_PAGES):
            rows = await termux_api.inbox(PAGE, page * PAGE)
            fresh = {row.id: row for row in rows if mark is None or _is_newer(row, mark)}
            found |= fresh
            if not fresh or len(rows) < PAGE:
                break
        if mark is not None:
            return [found[key] for key in sorted(found)]
        highest = max(found, default=0)
        received = max((row.received for row in found.values()), default="")
        await self.write(self._set_mark, highest, received)
        return []

    async def take(self, row: Row) -> None:
        """This text is stored: do not tell it again."""
        await self.write(self._take, row)

    def _mark(self) -> tuple[int, str] | None:
        found: tuple[int, str] | None = self._db.execute("SELECT id, received FROM mark").fetchone()
        return found

    def _take(self, row: Row) -> None:
        identifier, received = self._mark() or (0, "")
        self._set_mark(max(identifier, row.id), max(received, row.received))

    def _set_mark(self, identifier: int, received: str) -> None:
        self._db.execute("DELETE FROM mark")
        self._db.execute("INSERT INTO mark (id, received) VALUES (?,?)", (identifier, received))


def _is_newer(row: Row, mark: tuple[int, str]) -> bool:
    return row.id > mark[0] or row.received > mark[1]
