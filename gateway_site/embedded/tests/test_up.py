"""`manage.py up` as its operator sees it: one real start, with everything that belongs to it."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from gateway_site.embedded.config import BASE_DIR
from gateway_site.embedded.tests.liveness import is_running, wait_until


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def descendants(pid: int) -> list[int]:
    """The process ids of its children, their children and so on."""
    children = [
        int(child)
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    ]
    return children + [deeper for child in children for deeper in descendants(child)]


def post_message(first_run: dict[str, str]) -> int:
    """Send what the printed curl command sends; the status of the answer."""
    request = urllib.request.Request(
        f"{first_run['api_url']}/messages",
        data=json.dumps({"to": "+6581230000", "text": "Hello from the gateway"}).encode(),
        headers={
            "Authorization": f"Bearer {first_run['api_key']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        status: int = answer.status
        return status


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_up_starts_everything_says_how_to_get_in_and_ends_with_ctrl_c(bare_environ, data_dir):
    port = free_port()
    environ = bare_environ | {"DATA_DIR": str(data_dir), "PORT": str(port)}
    output = data_dir / "output"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "manage.py", "up"], env=environ, cwd=BASE_DIR, stdout=file, stderr=file
        ) as up,
    ):
        try:
            wait_until(
                lambda: up.poll() is not None or "Ctrl-C stops" in output.read_text(), "up", 90
            )
            assert up.poll() is None, output.read_text()
            first_run = json.loads((data_dir / "first-run.json").read_text())
            assert first_run["dashboard_url"] == f"http://127.0.0.1:{port}"
            assert [name for name, value in first_run.items() if not value] == []
            wait_until(
                lambda: "Connected" in (data_dir / "logs" / "phone.log").read_text(), "connected"
            )
            assert post_message(first_run) == 202
            processes = descendants(up.pid)
            os.kill(up.pid, signal.SIGINT)
            assert up.wait(timeout=60) == 0
            assert [pid for pid in processes if is_running(pid)] == []
        finally:
            up.kill()
    assert output.read_text().endswith("Stopping ...\nStopped.\n")
