"""Listening to what devices tell the apps above."""

from contextlib import asynccontextmanager

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


@pytest.fixture
async def sockets(no_lasting_connections):
    """A function that makes sockets; what is still open at the end is closed."""
    from devices.tests.sockets import PhoneSocket  # noqa: PLC0415 - needs set-up Django

    async with closing_all(PhoneSocket) as make:
        yield make


@pytest.fixture(params=["socket", "http"])
async def phones(request, no_lasting_connections):
    """A function that makes phones from tokens; over a socket, and once more over HTTP."""
    from devices.tests.http_phones import PhoneOverHttp  # noqa: PLC0415 - needs set-up Django
    from devices.tests.sockets import PhoneSocket  # noqa: PLC0415 - likewise

    async with closing_all({"socket": PhoneSocket, "http": PhoneOverHttp}[request.param]) as make:
        yield make


@asynccontextmanager
async def closing_all(kind):
    """A function that makes `kind`s, which leave at the end."""
    made = []

    def make(*args: str, **kwargs: str):
        made.append(kind(*args, **kwargs))
        return made[-1]

    yield make
    for phone in made:
        await phone.leave()
