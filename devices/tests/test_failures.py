"""How long a SIM rests."""

from datetime import timedelta

from devices.services.failures import rest_after


def test_each_rest_is_twice_as_long_as_the_last_and_half_an_hour_at_most():
    minutes = [rest_after(failures) // timedelta(minutes=1) for failures in (0, 1, 2, 3, 4, 5, 997)]
    assert minutes == [2, 4, 8, 16, 30, 30, 30]
