"""A pytest plugin, loaded before the settings are read (`-p` in pyproject.toml).

Every xdist worker gets a Redis database of its own, as pytest-django gives it one of PostgreSQL.
"""

import os

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_url = os.environ.get("REDIS_URL", "redis://127.0.0.1:6379/0")
_is_socket = _url.startswith("unix://")
_base = _url.partition("?")[0] if _is_socket else _url.rpartition("/")[0]
os.environ["REDIS_URL"] = f"{_base}?db={_worker + 1}" if _is_socket else f"{_base}/{_worker + 1}"
