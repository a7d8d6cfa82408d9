"""Folders for unix sockets, whose whole path must fit into a small kernel field."""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

from gateway_site.embedded.errors import StartError

# sun_path of sockaddr_un holds 108 bytes on Linux and 104 on macOS, the final NUL included.
LONGEST_SOCKET_PATH = 103


def socket_folder(data_dir: Path, server: str, socket_name: str) -> Path:
    """The folder for ``server``'s socket: below ``data_dir``, or a short one in the temp folder.

    The fallback's name is derived from ``data_dir`` and the user: every start finds it again.
    """
    inside = data_dir / "run" / server
    owner = f"{os.geteuid()}:{data_dir}".encode()
    short_name = f"gateway-{hashlib.sha256(owner).hexdigest()[:12]}-{server}"
    for folder in (inside, Path(tempfile.gettempdir(), short_name), Path("/tmp", short_name)):  # noqa: S108 - the name is ours alone and make_private_folder checks whose it is
        if len(os.fsencode(folder / socket_name)) <= LONGEST_SOCKET_PATH:
            return folder
    raise StartError(f"No folder is short enough for a unix socket instead of {inside}.")


def make_private_folder(folder: Path, uid: int, gid: int) -> None:
    """Make ``folder`` (mode 0700, owned by ``uid``), or accept it when it is exactly that.

    Raises StartError when somebody else's file or link waits under that name, as may happen in a
    temp folder that everyone can write to.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.mkdir(mode=0o700)
        os.chown(folder, uid, gid)
    except FileExistsError:
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in (uid, os.geteuid()):
            raise StartError(f"{folder} belongs to somebody else: remove it.") from None
        os.chown(folder, uid, gid)
        folder.chmod(0o700)
