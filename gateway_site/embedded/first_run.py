"""What the first start makes for its operator: the file that says how to get in."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

FILE_NAME = "first-run.json"


@dataclass(frozen=True)
class FirstRun:
    """The content of ``first-run.json``. Empty text: not known, or there is none."""

    dashboard_url: str = ""
    api_url: str = ""
    email: str = ""
    password: str = ""
    api_key: str = ""
    device_id: str = ""

    @classmethod
    def read(cls, data_dir: Path) -> "FirstRun":
        """What an earlier start has written; all empty when there is none."""
        try:
            stored = json.loads((data_dir / FILE_NAME).read_text())
        except FileNotFoundError:
            return cls()
        return cls(**{key: stored.get(key, "") for key in asdict(cls())})

    def at(self, public_url: str) -> "FirstRun":
        """The same, reachable under ``public_url``."""
        return replace(self, dashboard_url=public_url, api_url=f"{public_url}/v1")

    def write(self, data_dir: Path) -> None:
        """Replace the file in one step, readable by its owner only."""
        path = data_dir / FILE_NAME
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(json.dumps(asdict(self), indent=2) + "\n")
        fresh.replace(path)
