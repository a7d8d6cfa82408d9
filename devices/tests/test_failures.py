"""How long a SIM rests."""

from datetime import timedelta

from devices.services.failures import hold_after


def test_each_rest_is_twice_as_long_as_the_last_and_half_an_hour_at_most():
    minutes = [hold_after(hits) // timedelta(minutes=1) for hits in (3, 4, 5, 6, 7, 8, 1000)]
    assert minutes == [2, 4, 8, 16, 30, 30, 30]
