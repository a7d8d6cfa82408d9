"""CPU time and memory of a process and its descendants, from Linux's /proc (see proc(5))."""

import os
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat, counted from the state, which follows the name in parentheses.
_PARENT = 1
_CPU_TIMES = slice(11, 15)  # utime, stime, and those of children that ended: cutime, cstime


def tree(root: int) -> list[int]:
    """`root` and all its descendants that run now; empty when `root` does not run here."""
    children: dict[int, list[int]] = {}
    running = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            running.add(int(folder.name))
            children.setdefault(int(fields[_PARENT]), []).append(int(folder.name))
    found = [root] if root in running else []
    for pid in found:
        found += children.get(pid, [])
    return found


def parent_of(pid: int) -> int:
    """The process id of the parent; 0 when `pid` does not run here."""
    fields = _stat(pid)
    return int(fields[_PARENT]) if fields else 0


def command_of(pid: int) -> str:
    """The command line, its parts joined by spaces."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()


def cpu_seconds(root: int) -> float:
    """User and system CPU time that the tree has used so far, ended children included."""
    ticks = sum(sum(int(time) for time in _stat(pid)[_CPU_TIMES]) for pid in tree(root))
    return ticks / _TICKS_PER_SECOND


def resident_bytes(root: int) -> int:
    """Resident memory of the tree; what its processes share counts once for each of them."""
    pages = (Path(f"/proc/{pid}/statm").read_text().split()[1] for pid in tree(root))
    return sum(map(int, pages)) * _PAGE_BYTES


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it ended meanwhile
        return []
