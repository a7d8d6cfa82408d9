"""The agent is a package of its own: it installs and runs where the gateway's code is not."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

AGENT = Path(__file__).resolve().parents[1]
IMPORT_ALL = """
import importlib, pkgutil, sys
sys.modules["django"] = None
sys.modules["gammu"] = None
import agent
from agent.errors import AgentError
names = [module.name for module in pkgutil.walk_packages(agent.__path__, "agent.")]
without_gammu = []
for name in names:
    try:
        if not name.endswith("__main__"):
            importlib.import_module(name)
    except (ImportError, AgentError):
        without_gammu.append(name)
assert len(names) > 30, names
print(*without_gammu)
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The folder as it is shipped, with nothing of the gateway beside it."""
    ignored = shutil.ignore_patterns("tests", "__pycache__", "build", "*.egg-info")
    return Path(shutil.copytree(AGENT, tmp_path / "source" / "agent", ignore=ignored))


def test_every_module_imports_without_django_and_only_gammu_needs_gammu(copy: Path) -> None:
    program = [sys.executable, "-c", IMPORT_ALL]
    found = subprocess.run(program, cwd=copy.parent, capture_output=True, text=True, check=True)
    assert found.stdout.split() == [
        "agent.radios.gammu",
        "agent.radios.gammu_findings",
        "agent.radios.gammu_phone",
    ]


def test_it_installs_with_a_command_and_all_modules(copy: Path, tmp_path: Path) -> None:
    target = tmp_path / "installed"
    program = (sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    # Built with the setuptools that is here: a build of its own would ask PyPI for one.
    offline = ("--no-index", "--no-deps", "--no-build-isolation", "--target", target)
    expected = {path.relative_to(copy) for path in copy.rglob("*.py")}
    subprocess.run([*program, *offline, copy], check=True)
    installed = {path.relative_to(target / "agent") for path in (target / "agent").rglob("*.py")}
    assert installed == expected
    assert (target / "bin" / "sms-gateway-agent").exists()


def test_what_it_needs_is_what_the_gateway_has_pinned() -> None:
    needed = tomllib.loads((AGENT / "pyproject.toml").read_text())["project"]["dependencies"]
    pinned = (AGENT.parent / "requirements.txt").read_text()
    names = [need.partition(">")[0] for need in needed]
    assert [name for name in names if f"\n{name}==" not in f"\n{pinned}"] == []
