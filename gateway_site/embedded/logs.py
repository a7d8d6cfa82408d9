"""The children's log files, which are appended to for as long as the gateway runs."""

import os
import shutil
from pathlib import Path

LARGEST_LOG_BYTES = 20_000_000


def trim_logs(folder: Path, largest_bytes: int = LARGEST_LOG_BYTES) -> None:
    """Move what a too large ``<name>.log`` holds to ``<name>.log.1``, replacing an earlier one.

    The file is emptied in place: the children have it open and go on appending to it. Lines that
    they write between the copy and that moment are lost.
    """
    for log in folder.glob("*.log"):
        if log.stat().st_size > largest_bytes:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
