"""Fixtures of the messaging tests."""

import pytest

from messaging.tests import listening


@pytest.fixture
def published(settings):
    """A function that says what was published: (name, message id), in order."""
    settings.MESSAGE_EVENT_HANDLERS = ["messaging.tests.listening.hear"]
    listening.heard.clear()
    return lambda: [(event.name, event.message_id) for event in listening.heard]


@pytest.fixture(params=["socket", "http"])
async def connect(request, no_lasting_connections):
    """A function that connects a device's phone, over a socket and once more over HTTP.

    All of them leave at the end.
    """
    from messaging.tests.phones import PairedOverHttp, PairedSocket  # noqa: PLC0415 - needs Django

    kind = {"socket": PairedSocket, "http": PairedOverHttp}[request.param]
    made: list[PairedSocket | PairedOverHttp] = []

    async def ready(device) -> PairedSocket | PairedOverHttp:
        made.append(await kind.of(device))
        return await made[-1].ready()

    yield ready
    for phone in made:
        await phone.leave()
