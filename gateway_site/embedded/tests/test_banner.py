import os
import subprocess
from dataclasses import replace
from pathlib import Path

from gateway_site.embedded.banner import banner
from gateway_site.embedded.first_run import FirstRun

FIRST_RUN = FirstRun(
    email="owner@example.org", password="correct horse", api_key="sk_live_x", device_id="dev_1"
).at("http://127.0.0.1:8000")


def curl_arguments(text: str, folder: Path) -> list[str]:
    """What the shell makes of the pasted command, seen by a curl that tells its arguments."""
    curl = folder / "curl"
    curl.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
    curl.chmod(0o755)
    command = text[text.index("  curl ") : text.index("\n\nCtrl-C")]
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", command], env={"PATH": path}, text=True, capture_output=True, check=True
    )
    return done.stdout.splitlines()


EXPECTED = [
    "-X",
    "POST",
    "http://127.0.0.1:8000/v1/messages",
    "-H",
    "Authorization: Bearer sk_live_x",
    "-H",
    "Content-Type: application/json",
    "-d",
    '{"to": "+6581230000", "text": "Hello from the gateway"}',
]


def test_banner_of_the_first_start_shows_how_to_get_in_and_send(tmp_path: Path):
    text = banner(FIRST_RUN, tmp_path, is_first_start=True)
    rows = [line.split(maxsplit=1) for line in text.splitlines()[3:7]]
    assert rows[:3] == [
        ["Dashboard", "http://127.0.0.1:8000"],
        ["E-mail", "owner@example.org"],
        ["Password", "correct horse"],
    ]
    assert curl_arguments(text, tmp_path) == EXPECTED


def test_banner_of_a_later_start_has_no_secret_but_a_command_that_works(tmp_path: Path):
    data_dir = tmp_path / "a folder"
    data_dir.mkdir()
    FIRST_RUN.write(data_dir)
    text = banner(FIRST_RUN, data_dir, is_first_start=False)
    assert [secret for secret in ("sk_live_x", "correct horse") if secret in text] == []
    assert curl_arguments(text, tmp_path) == EXPECTED


def test_banner_over_a_database_that_others_have_filled_leaves_the_key_open(tmp_path: Path):
    text = banner(replace(FIRST_RUN, api_key=""), tmp_path, is_first_start=False)
    assert curl_arguments(text, tmp_path)[4] == "Authorization: Bearer YOUR_API_KEY"


def test_banner_without_a_phone_names_none(tmp_path: Path):
    text = banner(replace(FIRST_RUN, device_id=""), tmp_path, is_first_start=True)
    assert [line for line in text.splitlines() if line.startswith("  Phone")] == []
