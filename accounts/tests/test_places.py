"""Countries and time zones to choose from."""

from zoneinfo import ZoneInfo

from phonenumbers import SUPPORTED_REGIONS

from accounts.places import countries, time_zones


def test_countries_are_those_that_have_phone_numbers_by_name():
    names = [name for _, name in countries()]
    assert (names == sorted(names), len(names) > 200) == (True, True)
    assert {code for code, _ in countries()} <= set(SUPPORTED_REGIONS)
    assert dict(countries())["SG"] == "Singapore"


def test_time_zones_know_their_country_and_older_names():
    zones = {zone.name: zone for zone in time_zones()}
    assert [ZoneInfo(name).key for name in zones] == list(zones)
    assert zones["Asia/Kolkata"].country == "IN"
    assert "Asia/Calcutta" in zones["Asia/Kolkata"].also
    assert next(iter(zones)) == "UTC"
