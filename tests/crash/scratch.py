"""Folders for servers: short enough for unix sockets, open to the account that runs PostgreSQL."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that others may pass through, removed at the end."""
    folder = Path(mkdtemp(prefix="crash-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
