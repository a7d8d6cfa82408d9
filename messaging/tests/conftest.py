"""Fixtures of the messaging tests."""

import pytest

from messaging.tests import listening


@pytest.fixture
def published(settings):
    """A function that says what was published: (name, message id), in order."""
    settings.MESSAGE_EVENT_HANDLERS = ["messaging.tests.listening.hear"]
    listening.heard.clear()
    return lambda: [(event.name, event.message_id) for event in listening.heard]
