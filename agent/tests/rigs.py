"""The four radios with what stands for their hardware: fakes at the edge of the process.

A rig knows the truth: what really left, by the fake's own log and not by what the agent believes.
"""

import importlib.util
import json
import os
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.tests.gateway import sent_lines

FAKES = Path(__file__).parent / "fakes"
RECORDINGS = Path(__file__).parent / "recordings"
RECORDED = RECORDINGS / "mmcli-1.24.0"
RADIOS = ("simulated", "modemmanager", "gammu", "termux")


@dataclass(frozen=True)
class Rig:
    """`home` is the fake's folder; `options` and `environment` are for `agent run`."""

    radio: str
    home: Path
    data_dir: Path
    options: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    ends: frozenset[str] = frozenset({"message.accepted", "message.sent"})  # of a text that is well

    def sent_numbers(self) -> list[str]:
        """The recipients of the texts (with gammu: of the parts) that left, in order."""
        if self.radio == "simulated":
            return [line.to for line in sent_lines(self.data_dir)]
        if self.radio == "gammu":
            return dummy_sent(self.home)
        return [line["to"] for line in self.sent()]

    def sent(self) -> list[dict[str, Any]]:
        """The lines of `sent.jsonl` of the fakes that are programs."""
        path = self.home / "sent.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def collect(self) -> None:
        """After a process: libgammu begins its log anew with each connection, so keep this one."""
        log = self.home / "gammu.log"
        if log.exists():
            with (self.home / "gammu-before.log").open("ab") as before:
                before.write(log.read_bytes())
            log.unlink()

    def switch(self, name: str, content: str = "") -> None:
        """Make the fake misbehave; see its docstring for the names."""
        (self.home / name).write_text(content)


def make_rig(radio: str, folder: Path) -> Rig:
    """A rig in an empty folder, the data folder beside the fake's."""
    home, data_dir = folder / "hardware", folder / "phone"
    home.mkdir()
    data_dir.mkdir()
    quick = ("--poll-seconds", "0.05")
    path = f"{FAKES}{os.pathsep}{os.environ['PATH']}"
    reported = frozenset({"message.accepted", "message.sent", "message.delivered"})
    match radio:
        case "simulated":
            options = ("--delay-ms", "5", "--report-delay-ms", "5")
            return Rig(radio, home, data_dir, options, {}, reported)
        case "modemmanager":
            plug_modem(home, 0)
            (home / "reports").touch()
            # Each look costs processes, and the tests share few cores.
            options = ("--poll-seconds", "0.2", "--sent-box-seconds", "0.5")
            environment = {"FAKE_MODEM": str(home), "PATH": path}
            return Rig(radio, home, data_dir, options, environment, reported)
        case "gammu":
            need_gammu()
            config = write_gammurc(home)
            return Rig(radio, home, data_dir, (*quick, "--gammu-config", str(config)))
        case "termux":
            environment = {"FAKE_PHONE": str(home), "PATH": path}
            return Rig(radio, home, data_dir, quick, environment)
    raise AssertionError(radio)


def plug_modem(home: Path, index: int, **generic: Any) -> None:
    """Put a modem with an IMEI of its own into the fake ModemManager."""
    told = json.loads((RECORDED / "modem.json").read_text())
    modem = told["modem"]
    modem["dbus-path"] = f"/org/freedesktop/ModemManager1/Modem/{index}"
    modem["generic"] |= {"equipment-identifier": f"35000000000000{index + 1}"} | generic
    (home / "modems").mkdir(exist_ok=True)
    (home / "modems" / f"{index}.json").write_text(json.dumps(told))


def add_sms(home: Path, index: int, modem: int = 0, **fields: Any) -> None:
    """Put an SMS object into the fake ModemManager; names as in its JSON, with underscores."""
    sms = json.loads((RECORDED / "created.json").read_text())["sms"]
    sms = {section: dict.fromkeys(sms[section], "--") for section in ("content", "properties")}
    sms["dbus-path"] = f"/org/freedesktop/ModemManager1/SMS/{index}"
    for name, value in ({"pdu_type": "deliver", "state": "received"} | fields).items():
        section = "content" if name in ("number", "text", "data") else "properties"
        sms[section][name.replace("_", "-")] = value
    (home / "sms").mkdir(exist_ok=True)
    (home / "sms" / f"{index}.json").write_text(json.dumps({"modem": str(modem), "sms": sms}))


def need_gammu() -> None:
    """Skip without python-gammu, and say so; never where all of requirements-dev is installed."""
    if importlib.util.find_spec("gammu") is None:
        if os.environ.get("CI"):
            pytest.fail("python-gammu is missing: it is in requirements-dev.txt")
        warnings.warn("python-gammu is missing: the radio gammu is not tested", stacklevel=2)
        pytest.skip("python-gammu is missing")


def write_gammurc(home: Path) -> Path:
    """A configuration for gammu's dummy device in `home`, with libgammu's own log as the truth."""
    config = home / "gammurc"
    config.write_text(
        f"[gammu]\nmodel = dummy\nconnection = none\ndevice = {home / 'dummy'}\n"
        f"logfile = {home / 'gammu.log'}\nlogformat = textalldate\n"
    )
    (home / "dummy").mkdir()
    return config


def dummy_sent(home: Path) -> list[str]:
    """The recipients of what libgammu submitted, from its logs."""
    logs = [home / "gammu-before.log", home / "gammu.log"]
    text = "".join(log.read_text(errors="replace") for log in logs if log.exists())
    return re.findall(r"SMS Submit\n(?:.*\n)*?.*Recipient number \"(.*)\"", text)
