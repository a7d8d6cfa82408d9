"""`radio.log`: one JSON line for each text that left the simulated phone."""

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

FILE_NAME = "radio.log"


class SentLine(msgspec.Struct, frozen=True):
    """One line. `at` is UTC with a Z, `sim` a slot from 1."""

    at: str
    attempt_id: str
    to: str
    text: str
    sim: int
    segments: int


class SentLog:
    """The file, opened for appending. A last line cut by a power failure is removed at opening."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE_NAME
        self._file = self._path.open("ab", buffering=0)
        self._file.truncate(self._path.read_bytes().rfind(b"\n") + 1)

    def append(self, lines: list[SentLine]) -> list[None]:
        """Add the lines and wait until they are on the disk: one write and one fsync for all."""
        data = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
        if self._file.write(data) != len(data):
            raise OSError(f"{self._path} took only a part of the line: is the disk full?")
        os.fsync(self._file.fileno())
        return [None] * len(lines)

    def find(self, attempt_id: str) -> SentLine | None:
        """The line of this attempt, None if it never left the phone."""
        return next((line for line in self.lines() if line.attempt_id == attempt_id), None)

    def lines(self) -> Iterator[SentLine]:
        """All lines, oldest first."""
        with self._path.open("rb") as file:
            for line in file:
                yield msgspec.json.decode(line, type=SentLine)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


class SentLogFollower:
    """Reads what is added to the log of a data folder after this object was made."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE_NAME
        self._offset = self._path.stat().st_size if self._path.exists() else 0

    def new_lines(self) -> list[SentLine]:
        """The whole lines since the last call."""
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [msgspec.json.decode(line, type=SentLine) for line in whole.splitlines()]
