import os
import signal
import sys
from pathlib import Path

import pytest

from gateway_site.embedded.errors import StartError
from gateway_site.embedded.privileges import Account, is_reachable, run_as, server_account
from gateway_site.embedded.process import Program, run_to_end

STRANGER = Account(uid=65_533, gid=65_533)


def test_path_behind_a_private_folder_is_reachable_by_its_owner_only(tmp_path: Path):
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    inside = private / "file"
    assert is_reachable(inside, STRANGER) is False
    assert is_reachable(Path("/usr/bin/env"), STRANGER) is True


def test_ordinary_user_stays_who_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getegid", lambda: 1001)
    account = server_account(tmp_path)
    argv = run_as(account, ["postgres"], reaching=[], orphan_signal=signal.SIGINT)
    assert (account, argv) == (Account(1000, 1001), ["postgres"])


def test_root_becomes_the_owner_of_existing_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if os.geteuid() == 0:
        os.chown(tmp_path, STRANGER.uid, STRANGER.gid)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    owner = tmp_path.stat()
    assert server_account(tmp_path) == Account(owner.st_uid, owner.st_gid)


def test_root_without_setpriv_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StartError, match=r"setpriv \(package util-linux\).* is missing"):
        run_as(STRANGER, [sys.executable], reaching=[], orphan_signal=signal.SIGINT)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_somebody_who_still_finds_a_program_behind_a_private_folder(tmp_path: Path):
    """PostgreSQL looks for its own files with access(2), as os.access does."""
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    program = private / "program"
    program.touch(mode=0o755)
    look = f"import os; print(os.geteuid(), os.access({str(program)!r}, os.X_OK))"
    python = [str(Path(sys.executable).resolve()), "-I", "-S", "-c", look]
    argv = run_as(STRANGER, python, reaching=[program], orphan_signal=signal.SIGINT)
    assert run_to_end(Program("look", argv, env={})) == f"{STRANGER.uid} True\n"
