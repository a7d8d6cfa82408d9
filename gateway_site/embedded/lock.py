"""The data folder: writable, and used by one supervisor at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway_site.embedded.errors import DataDirInUse, StartError


@contextmanager
def locked_data_dir(data_dir: Path) -> Iterator[None]:
    """Make ``data_dir`` if needed and hold it until the block ends.

    The lock belongs to this process, so the kernel drops it after a kill -9 too.
    Raises StartError when the folder cannot be written, DataDirInUse when another holds it.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = (data_dir / "up.lock").open("a+")
    except OSError as error:
        raise StartError(
            f"The data folder {data_dir} cannot be written ({error.strerror}): "
            "set DATA_DIR to a folder that this user can write to."
        ) from error
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.seek(0)
            raise DataDirInUse(
                f"The data folder {data_dir} is in use by process {handle.read().strip()}: "
                "stop that one first, or choose other ones with DATA_DIR and PORT."
            ) from error
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
