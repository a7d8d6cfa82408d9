"""What the app can do since when."""

import pytest

from integrations.phones.smsgate.versions import MINIMUM, Feature, app_version, has, version_of


@pytest.mark.parametrize(
    ("agent", "version"),
    [
        ("me.capcom.smsgateway/1.68.0", "1.68.0"),
        ("me.capcom.smsgateway/1.67.0-beta2", "1.67.0"),
        ("me.capcom.smsgateway/1.67", "1.67"),
        ("okhttp/4.10.0", ""),
        ("", ""),
    ],
)
def test_version_is_that_of_the_user_agent(agent, version):
    assert app_version(agent) == version


@pytest.mark.parametrize(
    ("text", "version"), [("1.9", (1, 9, 0)), ("1.66.1", (1, 66, 1)), ("", MINIMUM)]
)
def test_version_is_compared_by_its_numbers(text, version):
    assert version_of(text) == version


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("1.55.9", 0),
        ("1.56.0", 1),
        ("1.65.2", 1),
        ("1.66.0", 2),
        ("1.67.0", 3),
        ("2.0", 3),
        ("", 0),
    ],
)
def test_feature_is_had_from_its_version_on(version, known):
    assert sum(has(version, feature) for feature in Feature) == known
