import re
from pathlib import Path

import environ
import pytest

from gateway_site.embedded.config import BASE_DIR, Config
from gateway_site.embedded.errors import StartError


def test_config_of_an_empty_environment_is_local_with_a_demo_phone():
    assert Config.from_environ({}) == Config(
        data_dir=BASE_DIR / "var",
        host="127.0.0.1",
        port=8000,
        public_url="http://127.0.0.1:8000",
        web_processes=1,
        demo_phone=True,
    )


def test_config_follows_the_variables():
    variables = {
        "DATA_DIR": "/srv/gateway",
        "HOST": "0.0.0.0",
        "PORT": "8100",
        "PUBLIC_URL": "https://sms.example.org/",
        "WEB_PROCESSES": "3",
        "DEMO_PHONE": "0",
    }
    assert Config.from_environ(variables) == Config(
        data_dir=Path("/srv/gateway"),
        host="0.0.0.0",
        port=8100,
        public_url="https://sms.example.org",
        web_processes=3,
        demo_phone=False,
    )


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),
        ("::", "http://[::1]:8000"),
        ("localhost", "http://localhost:8000"),
    ],
)
def test_local_url_is_one_that_this_machine_can_open(host: str, url: str):
    assert Config.from_environ({"HOST": host}).local_url == url


def test_config_with_a_port_that_is_no_number_is_told_in_one_sentence():
    with pytest.raises(StartError, match=r"^PORT must be a whole number, not 'http'\.$"):
        Config.from_environ({"PORT": "http"})


def test_env_example_names_every_variable_that_settings_and_the_supervisor_read():
    settings = (BASE_DIR / "gateway_site" / "settings.py").read_text()
    read = set(re.findall(r'\benv\.\w+\(\s*"([A-Z_]+)"', settings))
    documented = re.findall(r"^#([A-Z_]+)=", (BASE_DIR / ".env.example").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(read | {"WEB_PROCESSES", "DEMO_PHONE"})


def test_env_example_copied_as_it_is_changes_nothing(monkeypatch: pytest.MonkeyPatch):
    variables: dict[str, str] = {}
    monkeypatch.setattr(environ.Env, "ENVIRON", variables)
    environ.Env.read_env(str(BASE_DIR / ".env.example"))
    assert variables == {}
