"""PostgreSQL refuses to run as root: which account it runs under then, and how.

The account must reach the wheel's files and the data folder. Where a parent folder bars it (a
checkout below /root, a 0700 temp folder), the child keeps the one capability that lets it pass.
"""

import os
import pwd
import shutil
import signal
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway_site.embedded.errors import StartError

# Bits from linux/capability.h, the weaker one first. Some containers grant only the second, and
# only the second lets a program be executed that its mode keeps from others.
_PASSING_CAPABILITIES = (("dac_read_search", 2), ("dac_override", 1))


@dataclass(frozen=True)
class Account:
    """A numeric user and group."""

    uid: int
    gid: int


def server_account(data_folder: Path) -> Account:
    """Who runs PostgreSQL: this user or, as root, the owner of the existing data, else nobody."""
    if os.geteuid() != 0:
        return Account(os.geteuid(), os.getegid())
    if data_folder.exists() and (owner := data_folder.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError:
        raise StartError(
            "PostgreSQL refuses to run as root and there is no user 'nobody' to run it as: "
            "run this as an ordinary user, or set DATABASE_URL."
        ) from None
    return Account(nobody.pw_uid, nobody.pw_gid)


def run_as(
    account: Account,
    argv: Sequence[str],
    *,
    reaching: Iterable[Path],
    orphan_signal: signal.Signals,
) -> list[str]:
    """``argv`` so that it runs as ``account``, able to reach the ``reaching`` paths.

    Nothing to do for an ordinary user. Root goes through setpriv(1), which also has to set the
    parent death signal, because a change of user clears it.
    """
    if os.geteuid() != 0:
        return list(argv)
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise StartError(
            "PostgreSQL refuses to run as root and setpriv (package util-linux), which would start "
            "it as another user, is missing: run this as an ordinary user, or set DATABASE_URL."
        )
    identity = [f"--reuid={account.uid}", f"--regid={account.gid}", "--clear-groups"]
    death = ["--pdeathsig", orphan_signal.name.removeprefix("SIG")]
    return [setpriv, *identity, *_passing_options(account, argv, reaching), *death, "--", *argv]


def is_reachable(path: Path, account: Account) -> bool:
    """Whether ``account`` may pass every parent folder of ``path``, by permission bits."""
    return all(_has_x_bit(parent, account) for parent in path.resolve().parents)


def _has_x_bit(path: Path, account: Account) -> bool:
    """Whether ``account`` may enter the folder, or execute the file."""
    found = path.stat()
    if found.st_uid == account.uid:
        return bool(found.st_mode & 0o100)
    if found.st_gid == account.gid:
        return bool(found.st_mode & 0o010)
    return bool(found.st_mode & 0o001)


def _passing_options(account: Account, argv: Sequence[str], reaching: Iterable[Path]) -> list[str]:
    """setpriv options that keep a capability to pass barred folders; none when nothing is barred.

    ``no_setuid_fixup`` because access(2), with which PostgreSQL looks for its own files, otherwise
    answers as if a process that is not root had no capabilities.
    """
    program = Path(argv[0])
    executable = _has_x_bit(program, account)
    barred = [path for path in (program, *reaching) if not is_reachable(path, account)]
    if executable and not barred:
        return []
    effective = _effective_capabilities()
    for name, bit in _PASSING_CAPABILITIES if executable else _PASSING_CAPABILITIES[1:]:
        if effective & 1 << bit:
            return [
                f"--inh-caps=+{name}",
                f"--ambient-caps=+{name}",
                "--securebits=+no_setuid_fixup",
            ]
    raise StartError(
        "PostgreSQL refuses to run as root, and the user it would run as cannot reach "
        f"{barred[0] if barred else program}: run this as an ordinary user, move it to a folder "
        "that others may enter, or set DATABASE_URL."
    )


def _effective_capabilities() -> int:
    """The bit mask of this process, from proc(5); 0 where there is no /proc."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    masks = [line.split()[1] for line in status.splitlines() if line.startswith("CapEff:")]
    return int(masks[0], 16) if masks else 0
