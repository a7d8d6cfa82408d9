import json
from pathlib import Path

from gateway_site.embedded.first_run import FILE_NAME, FirstRun


def test_first_run_is_written_for_its_owner_only_with_exactly_its_keys(tmp_path: Path):
    written = FirstRun(email="owner@example.org", password="p", api_key="k")
    written.at("https://sms.example.org").write(tmp_path)
    path = tmp_path / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text()) == {
        "dashboard_url": "https://sms.example.org",
        "api_url": "https://sms.example.org/v1",
        "email": "owner@example.org",
        "password": "p",
        "api_key": "k",
        "device_id": "",
    }
    assert list(tmp_path.iterdir()) == [path]


def test_first_run_written_is_read_again(tmp_path: Path):
    written = FirstRun(email="owner@example.org", device_id="dev_1")
    written.write(tmp_path)
    assert FirstRun.read(tmp_path) == written


def test_first_run_that_was_never_written_is_empty(tmp_path: Path):
    assert FirstRun.read(tmp_path) == FirstRun()
