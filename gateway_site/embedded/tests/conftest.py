"""Folders and environments of these tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateway_site.embedded.config import BASE_DIR


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A folder (0700) whose path is short, and not plain: it has a space."""
    with TemporaryDirectory(prefix="gw data ") as folder:
        (Path(folder) / "logs").mkdir()
        yield Path(folder)


@pytest.fixture
def bare_environ() -> dict[str, str]:
    """The environment without servers, data folder or settings of the surrounding run."""
    ours = ("DATABASE_URL", "REDIS_URL", "DATA_DIR", "HOST", "PORT", "PUBLIC_URL", "DEMO_PHONE")
    environ = {key: value for key, value in os.environ.items() if key not in ours}
    return environ | {"PYTHONPATH": str(BASE_DIR)}
