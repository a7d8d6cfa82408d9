"""What `agent doctor` says to somebody whose radio does not work yet."""

import asyncio
import importlib
import os
import sys
import tempfile
from pathlib import Path

import pytest

from agent.radios import termux_api, termux_findings
from agent.tests.gateway import FakeGateway, paired_folder
from agent.tests.http_gateway import FakeHttpGateway
from agent.tests.rigs import RADIOS, Rig, make_rig, need_gammu, plug_modem
from agent.tests.test_crash import ROOT, agent_process


async def ask(rig: Rig, *options: str, **environment: str) -> tuple[int, list[str]]:
    """Exit code and lines of `python -m agent doctor`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", "doctor", "--radio", rig.radio),
        *("--data-dir", str(rig.data_dir), *rig.options, *options),
        cwd=ROOT,
        env=os.environ | rig.environment | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode().splitlines()


def bad(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("✗")]


@pytest.mark.parametrize("radio", RADIOS)
async def test_all_is_well_and_fits_on_one_screen(tmp_path: Path, radio: str) -> None:
    rig = make_rig(radio, tmp_path)
    (rig.home / "dummy").mkdir(exist_ok=True)
    async with FakeGateway() as gateway:
        paired_folder(gateway, rig.data_dir)
        code, lines = await ask(rig)
    assert bad(lines) == []
    assert code == 0
    assert "✓ The gateway knows this phone as Front desk." in lines
    assert len(lines) <= 24


async def test_folder_that_is_not_paired_and_a_gateway_that_is_away(tmp_path: Path) -> None:
    rig = make_rig("simulated", tmp_path)
    code, lines = await ask(rig)
    assert code == 1
    assert [line[:50] for line in bad(lines)] == [f"✗ The folder {rig.data_dir}"[:50]]
    paired_folder(FakeGateway(port=1), rig.data_dir)
    code, lines = await ask(rig)
    assert code == 1
    assert len(bad(lines)) == 1
    assert bad(lines)[0].startswith("✗ The gateway http://127.0.0.1:1 cannot be reached: ")


@pytest.mark.parametrize(
    ("close", "sentence"),
    [
        ((4401, "invalid_token"), "✗ The gateway does not know this phone."),
        ((4403, "tenant_inactive"), "✗ The account on the gateway is suspended."),
    ],
)
async def test_gateway_that_refuses_the_phone(
    tmp_path: Path, close: tuple[int, str], sentence: str
) -> None:
    rig = make_rig("simulated", tmp_path)
    async with FakeGateway() as gateway:
        gateway.close_at_once = close
        paired_folder(gateway, rig.data_dir)
        code, lines = await ask(rig)
    assert code == 1
    assert bad(lines) == [sentence]


async def test_gateway_that_can_be_reached_over_http_alone(tmp_path: Path) -> None:
    rig = make_rig("simulated", tmp_path)
    async with FakeHttpGateway() as gateway:
        paired_folder(gateway, rig.data_dir)
        code, lines = await ask(rig)
    assert code == 0
    assert "✓ The gateway knows this phone as Front desk, but over HTTP alone." in lines


async def test_clock_that_is_wrong(tmp_path: Path) -> None:
    rig = make_rig("simulated", tmp_path)
    async with FakeGateway() as gateway:
        gateway.date = "Sat, 21 Nov 2015 10:00:00 GMT"
        paired_folder(gateway, rig.data_dir)
        code, lines = await ask(rig)
    (line,) = bad(lines)
    assert line.startswith("✗ This machine's clock is ") and line.endswith(
        "ahead of the gateway's."
    )
    assert code == 1


async def test_radio_that_runs_is_left_alone(tmp_path: Path) -> None:
    rig = make_rig("termux", tmp_path)
    async with FakeGateway() as gateway:
        paired_folder(gateway, rig.data_dir)
        async with agent_process(rig.data_dir, rig=rig):
            await gateway.until_received("hello")
            code, lines = await ask(rig)
    assert code == 0
    assert lines[-2] == "✓ The agent is running with this folder, so the radio was not asked."


@pytest.mark.parametrize(
    ("radio", "sentence"),
    [
        ("modemmanager", "✗ The program mmcli is not installed."),
        ("termux", "✗ Not installed: termux-sms-send, termux-sms-list, termux-battery-status."),
    ],
)
async def test_programs_that_are_not_installed(tmp_path: Path, radio: str, sentence: str) -> None:
    rig = make_rig(radio, tmp_path)
    _, lines = await ask(rig, PATH="/nonexistent")
    assert sentence in lines


@pytest.mark.parametrize(
    ("generic", "sentence"),
    [
        ({"state": "locked"}, "the SIM card is locked: it asks for a PIN or PUK."),
        (
            {"state": "failed", "state-failed-reason": "sim-missing"},
            "the modem sees no usable SIM card (sim-missing).",
        ),
        ({"state": "searching"}, "the modem is not in a network (searching)."),
        ({"signal-quality": {"recent": "yes", "value": "0"}}, "no signal."),
    ],
)
async def test_modem_that_cannot_send(
    tmp_path: Path, generic: dict[str, str], sentence: str
) -> None:
    rig = make_rig("modemmanager", tmp_path)
    plug_modem(rig.home, 0, **generic)
    _, lines = await ask(rig)
    assert bad(lines)[-1] == f"✗ Example X1: {sentence}"


async def test_modemmanager_without_a_modem(tmp_path: Path) -> None:
    rig = make_rig("modemmanager", tmp_path)
    (rig.home / "modems/0.json").unlink()
    _, lines = await ask(rig)
    assert bad(lines)[-1] == "✗ ModemManager sees no modem."


async def test_gammu_without_a_port_or_a_configuration(tmp_path: Path) -> None:
    rig = make_rig("gammu", tmp_path)
    (rig.home / "dummy").rmdir()
    _, lines = await ask(rig)
    port = rig.home / "dummy"
    assert bad(lines)[-1] == f"✗ The port {port} of gammu's configuration is not there."
    (rig.home / "gammurc").unlink()
    _, lines = await ask(rig)
    assert bad(lines)[-1].startswith("✗ Cannot read section 0 of gammu's configuration ")


def test_gammu_port_that_may_not_be_opened() -> None:
    need_gammu()
    findings = importlib.import_module("agent.radios.gammu_findings")
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other users
        Path(folder).chmod(0o755)
        port = Path(folder) / "ttyUSB0"
        port.touch(mode=0)
        me = os.geteuid()
        try:
            if me == 0:  # root may open every port, so be nobody for a moment
                os.seteuid(65534)
            refusal = findings._refusal(port)
        finally:
            os.seteuid(me)
    assert refusal.text == f"This user may not open {port}."
    assert refusal.advice.startswith("Add this user to the group of the port: ")


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        (
            "list-error",
            '{"error": "Please grant the following permission: READ_SMS"}',
            "✗ It may not read SMS: Please grant the following permission: READ_SMS",
        ),
        ("sim-state", "pin_required", "✗ The SIM card is not usable (pin_required)."),
        ("sim-state", "absent", "✗ The SIM card is not usable (absent)."),
    ],
)
async def test_phone_that_lacks_a_permission_or_a_sim(
    tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    rig = make_rig("termux", tmp_path)
    rig.switch(name, content)
    _, lines = await ask(rig)
    assert bad(lines)[-1] == sentence


async def test_termux_without_the_app_is_told_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig("termux", tmp_path)
    rig.switch("no-app")
    for key, value in rig.environment.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(termux_api, "CALL_SECONDS", 0.3)
    findings = await termux_findings.findings_on()
    assert [finding.text for finding in findings if not finding.is_good] == [
        "The app Termux:API does not answer."
    ]
