"""What `agent doctor` says about a modem on a serial port."""

import os
from pathlib import Path

import gammu

from agent.errors import AgentError
from agent.radios import gammu_phone
from agent.radios.base import Finding
from agent.radios.gammu_phone import Config, Look

WRITE_CONFIG = (
    "Write ~/.gammurc with the lines [gammu], device = /dev/ttyUSB0, connection = at; "
    "gammu-detect proposes them."
)
PERMISSION = "Add this user to the group of the port: sudo usermod -aG dialout $USER, then log in."
PIN = "Enter it with `gammu entersecuritycode PIN -`, and switch the question off in a phone."


def findings_on(config: Config) -> list[Finding]:
    """Blocks for some seconds: the configuration, the port, the modem, SIM card and network."""
    version = gammu.Version()[0]
    found = [Finding(True, f"libgammu {version} is installed.")]
    try:
        settings = config.read().GetConfig(0)
    except AgentError as error:
        return [*found, Finding(False, str(error), WRITE_CONFIG)]
    device = settings["Device"] or "?"
    if refusal := _refusal(Path(device)):
        return [*found, refusal]
    try:
        phone = gammu_phone.connect(config)
        lock = gammu_phone.lock_of(phone)
        if lock:
            return [*found, Finding(False, f"The SIM card is locked: it asks for {lock}.", PIN)]
        return [*found, *_findings_in(gammu_phone.look(phone), device)]
    except gammu.GSMError as error:
        advice = "Is it plugged in, and no other program using it (ModemManager, gammu-smsd)?"
        text = f"The modem at {device} does not answer: {gammu_phone.explain(error)}."
        return [*found, Finding(False, text, advice)]


def _refusal(device: Path) -> Finding | None:
    if not device.exists():
        advice = "Plug the modem in; `ls /dev/ttyUSB* /dev/ttyACM*` shows the ports."
        return Finding(False, f"The port {device} of gammu's configuration is not there.", advice)
    if not os.access(device, os.R_OK | os.W_OK, effective_ids=True):
        return Finding(False, f"This user may not open {device}.", PERMISSION)
    return None


def _findings_in(look: Look, device: str) -> list[Finding]:
    found = [Finding(True, f"{look.model or 'A modem'} answers at {device}.")]
    if look.sim.carrier is None:
        advice = "Check antenna, place and SIM card; a new SIM card has to be activated first."
        found.append(Finding(False, "The modem is in no network.", advice))
    else:
        found.append(Finding(True, f"Network: {look.sim.carrier}."))
    if look.status.signal == 0:
        found.append(Finding(False, "There is no signal.", "Move the modem or its antenna."))
    elif look.status.signal is not None:
        found.append(Finding(True, f"Signal: {look.status.signal} of 4 bars."))
    return found
