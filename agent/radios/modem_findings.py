"""What `agent doctor` says about ModemManager and its modems."""

from agent.radios.base import Finding
from agent.radios.mmcli import Mmcli, Modem, ModemError
from agent.radios.programs import ProgramMissing, is_installed

INSTALL = "Install ModemManager (Debian, Ubuntu: apt install modemmanager) or name it with --mmcli."
PIN = (
    "Unlock it with `mmcli -i 0 --pin=…`, and switch the question off for good with "
    "`mmcli -i 0 --disable-pin --pin=…`."
)
OBSTACLE_ADVICE = {
    "no_sim": "Put a SIM card in, or look at it in a phone: does it ask for a PIN?",
    "no_service": "Check antenna, place and the SIM's contract; `mmcli -m any` shows the network.",
    "radio_off": "Switch it on with `mmcli -m any --enable`; the agent tries that as well.",
}


async def findings_on(program: str) -> list[Finding]:
    """From the program to each modem's network."""
    if not is_installed(program):
        return [Finding(False, f"The program {program} is not installed.", INSTALL)]
    mmcli = Mmcli(program)
    try:
        version = ".".join(map(str, await mmcli.version()))
        modems = await mmcli.modems()
    except (ModemError, ProgramMissing, TimeoutError) as error:
        advice = "Start it: systemctl enable --now ModemManager (it needs D-Bus)."
        return [Finding(False, f"ModemManager does not answer: {error}.", advice)]
    found = [Finding(True, f"ModemManager's mmcli {version} answers.")]
    if not modems:
        advice = "Plug it in and wait a minute; `mmcli -L` lists what ModemManager sees."
        return [*found, Finding(False, "ModemManager sees no modem.", advice)]
    for modem in modems:
        found += await _findings_on_modem(mmcli, modem)
    return found


async def _findings_on_modem(mmcli: Mmcli, modem: Modem) -> list[Finding]:
    name = modem.name or modem.path
    if modem.obstacle:
        advice = PIN if modem.state == "locked" else OBSTACLE_ADVICE[modem.obstacle.code]
        return [Finding(False, f"{name}: {modem.obstacle.reason}.", advice)]
    signal = "unknown" if modem.signal_percent is None else f"{modem.signal_percent} %"
    found = [Finding(True, f"{name}: {modem.state}, {modem.carrier or '?'}, signal {signal}.")]
    if modem.signal_percent == 0:
        found.append(Finding(False, f"{name}: no signal.", OBSTACLE_ADVICE["no_service"]))
    try:
        await mmcli.sms_paths(modem.path)
    except (ModemError, TimeoutError) as error:
        advice = "Let this user read texts: see the polkit rule in agent/systemd/."
        found.append(Finding(False, f"{name}: its texts cannot be read: {error}.", advice))
    return found
