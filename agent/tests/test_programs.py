"""A program ends with its time, whatever it has started."""

import time

import pytest

from agent.radios.programs import call


async def test_script_whose_child_hangs_is_given_up_in_time() -> None:
    began_at = time.monotonic()
    with pytest.raises(TimeoutError, match="sh gave no answer within 0.2 s"):
        await call("sh", "-c", "sleep 30; true", seconds=0.2)
    assert time.monotonic() - began_at < 20  # of the 30 that the child sleeps
