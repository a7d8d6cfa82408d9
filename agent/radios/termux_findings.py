"""What `agent doctor` says about a phone with Termux."""

from agent.radios import termux_api
from agent.radios.base import Finding
from agent.radios.programs import ProgramMissing, is_installed
from agent.radios.termux_api import TermuxError

PROGRAMS = ("termux-sms-send", "termux-sms-list", "termux-battery-status")
GET_APP = "Install the app Termux:API from where Termux came from (F-Droid or GitHub), and open it."
SMS = (
    "Android's settings, Apps, Termux:API, Permissions: allow SMS, Phone and Contacts. "
    "If they are greyed out, first choose “Allow restricted settings” in the three-dot menu there."
)
SIM_STATES = {
    "absent": "Put a SIM card in.",
    "pin_required": "Unlock the phone's SIM card.",
    "puk_required": "Unlock the phone's SIM card with its PUK.",
    "network_locked": "The phone takes SIM cards of one carrier only.",
}


async def findings_on() -> list[Finding]:
    """From the programs to the SIM card. Whether Android may send shows with the first text."""
    missing = [program for program in PROGRAMS if not is_installed(program)]
    if missing:
        text = f"Not installed: {', '.join(missing)}."
        return [Finding(False, text, "In Termux: pkg install termux-api")]
    found = [Finding(True, "The programs of termux-api are installed.")]
    try:
        battery = (await termux_api.status()).battery
    except TimeoutError:
        return [*found, Finding(False, "The app Termux:API does not answer.", GET_APP)]
    except (TermuxError, ProgramMissing) as error:
        return [*found, Finding(False, f"Termux:API: {error}", GET_APP)]
    charge = "unknown" if battery is None else f"{battery} %"
    found.append(Finding(True, f"The app Termux:API answers; battery {charge}."))
    try:
        await termux_api.inbox(1, 0)
        found.append(Finding(True, "It may read SMS."))
    except (TermuxError, TimeoutError) as error:
        found.append(Finding(False, f"It may not read SMS: {error}", SMS))
    return [*found, await _finding_on_sim()]


async def _finding_on_sim() -> Finding:
    try:
        told = await termux_api.telephony()
    except (TermuxError, ProgramMissing, TimeoutError) as error:
        return Finding(False, f"The SIM card cannot be asked: {error}", SMS)
    state = str(told.get("sim_state"))
    if state in SIM_STATES:
        return Finding(False, f"The SIM card is not usable ({state}).", SIM_STATES[state])
    if not told.get("network_operator_name"):
        return Finding(False, "The phone is in no network.", "Is flight mode on? Is there signal?")
    return Finding(True, f"SIM card: {state}, network {told['network_operator_name']}.")
