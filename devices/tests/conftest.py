"""Listening to what devices tell the apps above."""

import pytest
from django.db import connections

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


@pytest.fixture
async def sockets(transactional_db, monkeypatch):
    """A function that makes sockets; what is still open at the end is closed."""
    from devices.tests.sockets import PhoneSocket  # noqa: PLC0415 - needs set-up Django

    # The gateway's threads keep their connections; here they end with each call.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    made: list[PhoneSocket] = []

    def make(*args: str, **kwargs: str) -> PhoneSocket:
        made.append(PhoneSocket(*args, **kwargs))
        return made[-1]

    yield make
    for socket in made:
        await socket.leave()
