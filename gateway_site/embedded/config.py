"""The variables that the supervisor itself needs. ``.env.example`` documents all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import environ

from gateway_site.embedded.errors import StartError

BASE_DIR = Path(__file__).resolve().parents[2]
_FALSE_WORDS = ("0", "false", "no", "off")


def read_env_file() -> None:
    """Add what ``.env`` says to ``os.environ``; a variable that is set already wins."""
    environ.Env.read_env(str(BASE_DIR / ".env"))


def data_dir_from(variables: Mapping[str, str]) -> Path:
    """DATA_DIR as an absolute path, the same as in settings."""
    return Path(variables.get("DATA_DIR") or BASE_DIR / "var").absolute()


@dataclass(frozen=True)
class Config:
    """How ``manage.py up`` was asked to run. ``public_url`` has no slash at its end."""

    data_dir: Path
    host: str
    port: int
    public_url: str
    web_processes: int
    demo_phone: bool

    @classmethod
    def from_environ(cls, variables: Mapping[str, str]) -> "Config":
        """Read the variables; raise StartError for one that cannot be read."""
        port = _number(variables, "PORT", 8000)
        return cls(
            data_dir=data_dir_from(variables),
            host=variables.get("HOST") or "127.0.0.1",
            port=port,
            public_url=(variables.get("PUBLIC_URL") or f"http://127.0.0.1:{port}").rstrip("/"),
            web_processes=_number(variables, "WEB_PROCESSES", 1),
            demo_phone=(variables.get("DEMO_PHONE") or "1").lower() not in _FALSE_WORDS,
        )

    @property
    def local_host(self) -> str:
        """The address under which this machine reaches the web processes."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound

    @property
    def local_url(self) -> str:
        """The same as a URL, for children on this machine."""
        host = f"[{self.local_host}]" if ":" in self.local_host else self.local_host
        return f"http://{host}:{self.port}"


def _number(variables: Mapping[str, str], name: str, default: int) -> int:
    text = variables.get(name) or str(default)
    try:
        return int(text)
    except ValueError:
        raise StartError(f"{name} must be a whole number, not {text!r}.") from None
