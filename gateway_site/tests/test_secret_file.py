"""The key that an embedded gateway makes for itself."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from gateway_site.secret_file import read_or_create_secret, require_lasting_secret


def test_secret_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    path = tmp_path / "new folder" / "secret_key"
    secret = read_or_create_secret(path)
    assert (len(secret), path.stat().st_mode & 0o777) == (51, 0o600)
    assert [read_or_create_secret(path) for _ in range(2)] == [secret, secret]
    assert [entry.name for entry in path.parent.iterdir()] == ["secret_key"]


def test_secrets_differ(tmp_path):
    assert read_or_create_secret(tmp_path / "a") != read_or_create_secret(tmp_path / "b")


def test_a_given_secret_is_read_without_its_line_end(tmp_path):
    path = tmp_path / "secret_key"
    path.write_text("given\n")
    assert read_or_create_secret(path) == "given"


def test_threads_that_start_together_agree(tmp_path):
    path, together = tmp_path / "secret_key", threading.Barrier(16)

    def start() -> str:
        together.wait(timeout=10)
        return read_or_create_secret(path)

    with ThreadPoolExecutor(16) as pool:
        secrets = {future.result() for future in [pool.submit(start) for _ in range(16)]}
    assert secrets == {path.read_text()}


def test_processes_that_start_together_agree(tmp_path):
    path = tmp_path / "secret_key"
    program = (
        "import sys; from pathlib import Path\n"
        "from gateway_site.secret_file import read_or_create_secret\n"
        "sys.stderr.write('ready\\n'); sys.stderr.flush()\n"
        "sys.stdin.read()\n"
        "sys.stdout.write(read_or_create_secret(Path(sys.argv[1])))\n"
    )
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", program, path],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=Path(__file__).parents[2],
                    text=True,
                )
            )
            for _ in range(6)
        ]
        assert [process.stderr.readline() for process in started] == ["ready\n"] * 6
        for process in started:
            process.stdin.close()
        secrets = {process.stdout.read() for process in started}
    assert secrets == {path.read_text()}


def test_what_a_crashed_start_left_behind_is_in_nobodys_way(tmp_path):
    path = tmp_path / "secret_key"
    # In a container the next start has the same process id.
    path.with_name(f"secret_key.{os.getpid()}").write_text("")
    assert read_or_create_secret(path) == path.read_text()


def test_without_a_usable_folder_there_is_no_secret(tmp_path):
    file = tmp_path / "no folder"
    file.write_text("")
    assert read_or_create_secret(file / "secret_key") is None


def test_what_serves_refuses_a_key_that_the_next_process_would_not_have(settings):
    require_lasting_secret()
    settings.SECRET_KEY_IS_PASSING = True
    with pytest.raises(ImproperlyConfigured, match="Set SECRET_KEY"):
        require_lasting_secret()
