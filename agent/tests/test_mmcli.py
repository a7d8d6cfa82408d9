"""What the agent makes of mmcli's answers as they were recorded: see recordings/README.md."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.radios.mmcli import Mmcli, Modem, Sms, failure_of
from agent.tests.rigs import FAKES, RECORDINGS, make_rig

REFUSALS = {
    1: "invalid_number",
    **dict.fromkeys((8, 10, 21, 27, 28, 29, 30, 50, 69, 96, 302, 304, 330), "rejected"),
    **dict.fromkeys((38, 41, 42, 47, 331), "no_service"),
    **dict.fromkeys((310, 311), "no_sim"),
    **dict.fromkeys((127, 300, 320, 500), "generic_failure"),
    332: "unknown",  # the network's answer did not come: it may have taken the text
}


@pytest.mark.parametrize("version", ["1.20.4", "1.24.0"])
def test_refusals_of_a_recording_get_our_codes(version: str) -> None:
    recorded = json.loads((RECORDINGS / f"mmcli-{version}" / "refused.json").read_text())
    codes = {
        refusal: failure_of(complaint, is_handed=True).code
        for refusal, complaint in recorded.items()
    }
    expected = {f"+CMS ERROR: {number}": code for number, code in REFUSALS.items()}
    assert codes == expected | {"+CME ERROR: 30": "no_service", "ERROR": "generic_failure"}


@pytest.mark.parametrize("version", ["1.20.4", "1.24.0"])
async def test_modem_and_sms_objects_of_a_recording(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_rig("modemmanager", tmp_path)
    monkeypatch.setenv("FAKE_MODEM", str(rig.home))

    def recorded(name: str) -> Any:
        return json.loads((RECORDINGS / f"mmcli-{version}" / f"{name}.json").read_text())

    (rig.home / "modems/0.json").write_text(json.dumps(recorded("modem")))
    (rig.home / "sms").mkdir()
    for index, name in enumerate(("sent", "report", "received")):
        told = {"modem": "0"} | recorded(name)
        (rig.home / "sms" / f"{index}.json").write_text(json.dumps(told))
    mmcli = Mmcli(str(FAKES / "mmcli"))
    (modem,) = await mmcli.modems()
    path = "/org/freedesktop/ModemManager1"
    assert modem == Modem(
        path=f"{path}/Modem/0",
        identifier="350000000000001",
        name="Example X1",
        state="registered",
        state_reason="",
        number="+6581239901",
        carrier="Example Mobile",
        registration="home",
        signal_percent=64,
    )
    at_ten, customer = "2026-11-21T10:00:00+08", "+6591234567"
    assert [await mmcli.sms(sms_path) for sms_path in await mmcli.sms_paths(modem.path)] == [
        Sms(f"{path}/SMS/0", "submit", "sent", customer, "Hi there", "", 1, ""),
        Sms(f"{path}/SMS/1", "status-report", "received", customer, "--", at_ten, 1,
            "completed-received"),
        Sms(f"{path}/SMS/2", "deliver", "received", "+6581110000", "Hello", at_ten, 0, ""),
    ]  # fmt: skip
