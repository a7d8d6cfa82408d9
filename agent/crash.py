"""A hook for crash tests: end the process at a chosen step, as a pulled plug would.

`AGENT_CRASH_AT=<step>` makes the agent exit with 137 the first time it gets to that step, without
any clean-up. A marker file in the data folder remembers it, so that a restart with the same
environment goes on. Without the variable every call here does nothing.
"""

import os
from pathlib import Path
from typing import Literal, get_args

from agent.errors import AgentError

Step = Literal[
    "stored",  # the offer is in the journal, the gateway does not know it yet
    "accepted",  # `message.accepted` was handed to the line
    "submitting",  # the journal says "submitting", the radio was not called
    "handed_over",  # the modem or phone has the text, the back-end did not write that down yet
    "radio_called",  # the radio answered, the journal does not know it yet
    "outcome_written",  # the journal knows the outcome, the gateway does not
    "reported",  # the outcome was handed to the line, no ack yet
]

_markers: dict[str, Path] = {}


def arm(data_dir: Path) -> None:
    """Read AGENT_CRASH_AT. Raises AgentError if it names no step."""
    step = os.environ.get("AGENT_CRASH_AT")
    if not step:
        return
    if step not in get_args(Step):
        raise AgentError(f"AGENT_CRASH_AT={step} is none of {', '.join(get_args(Step))}.")
    marker = data_dir / f"crashed-at-{step}"
    if not marker.exists():
        _markers[step] = marker


def reach(step: Step) -> None:
    """Say that the program is at `step`; does not return if the hook is armed for it."""
    if step in _markers:
        _markers[step].touch()
        os._exit(137)
