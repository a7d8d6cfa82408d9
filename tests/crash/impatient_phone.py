"""`python -m tests.crash.impatient_phone FOLDER`: the agent, but it connects again at once.

A real phone waits up to a minute when a gateway keeps closing on it, and no test has that long.
"""

import asyncio
import logging
import sys
from pathlib import Path

from agent import identity
from agent.client import Timing
from agent.radios.simulated import SimulatedOptions, SimulatedRadio
from agent.runner import run_agent

TIMING = Timing(first_wait=0.2, longest_wait=0.2, repeat_after=5.0)


def main(folder: Path) -> None:
    """Run until killed."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    radio = SimulatedRadio(folder, SimulatedOptions(delay_ms=5, report_delay_ms=5))
    asyncio.run(run_agent(identity.load(folder), folder, radio, TIMING))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
