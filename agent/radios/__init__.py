"""The radios that the agent can drive, by the name given to `--radio`.

To add one: write `agent/radios/<name>.py` with a subclass of `agent.radios.base.Radio` and add its
line here. The module is imported only when it is asked for, so it may need libraries that others
do not.
"""

from importlib import import_module

from agent.radios.base import Radio

RADIOS = {
    "simulated": "agent.radios.simulated:SimulatedRadio",
    "modemmanager": "agent.radios.modemmanager:ModemManagerRadio",
    "gammu": "agent.radios.gammu:GammuRadio",
    "termux": "agent.radios.termux:TermuxRadio",
}


def radio_class(name: str) -> type[Radio]:
    """The class behind a name of RADIOS."""
    module, _, attribute = RADIOS[name].partition(":")
    found: type[Radio] = getattr(import_module(module), attribute)
    return found
