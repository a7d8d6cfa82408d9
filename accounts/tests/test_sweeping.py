"""Sweeps: batch after batch, until there is nothing or enough is done."""

import pytest

from accounts.sweeping import sweep_once

pytestmark = pytest.mark.django_db


def batches(*sizes: int):
    """A batch that does so many rows each time, and is never asked again after the last."""
    left = list(sizes)
    return left, lambda: left.pop(0)


@pytest.mark.parametrize(
    ("sizes", "most", "done", "left"),
    [
        ([3, 3, 1, 3], 100, 7, [3]),  # a batch that is not full is the last one
        ([3, 3, 0, 3], 100, 6, [3]),
        ([0, 3], 100, 0, [3]),
        ([3, 3, 3], 4, 6, [3]),  # enough
    ],
)
def test_sweep_goes_on_until_a_batch_is_not_full_or_enough_is_done(sizes, most, done, left):
    remaining, batch = batches(*sizes)
    assert (sweep_once(batch, at_once=3, most=most), remaining) == (done, left)
