"""Fixtures of the messaging tests."""

import pytest
from django.db import connections

from messaging.tests import listening


@pytest.fixture
def published(settings):
    """A function that says what was published: (name, message id), in order."""
    settings.MESSAGE_EVENT_HANDLERS = ["messaging.tests.listening.hear"]
    listening.heard.clear()
    return lambda: [(event.name, event.message_id) for event in listening.heard]


@pytest.fixture
async def connect(transactional_db, monkeypatch):
    """A function that connects a device's phone; all sockets are closed at the end."""
    from messaging.tests.sockets import PairedSocket  # noqa: PLC0415 - needs set-up Django

    # The gateway's threads keep their connections; here they end with each call.
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    made: list[PairedSocket] = []

    async def ready(device) -> PairedSocket:
        made.append(await PairedSocket.of(device))
        return await made[-1].ready()

    yield ready
    for socket in made:
        await socket.leave()
