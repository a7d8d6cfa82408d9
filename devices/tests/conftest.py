"""Listening to what devices tell the apps above."""

import pytest

from devices.tests import listener


@pytest.fixture
def heard(settings):
    """(name, device's primary key) of every event so far."""
    settings.DEVICE_EVENT_HANDLERS = ["devices.tests.listener.note"]
    listener.heard.clear()
    return listener.heard


@pytest.fixture
def refusing_listener(settings):
    """A listener that breaks: what it is told of must not have happened then."""
    settings.DEVICE_EVENT_HANDLERS = ["devices.tests.listener.refuse"]
