"""Fixtures of the tests of rules."""

import pytest

from rules.tests import posting


@pytest.fixture
def posted(settings):
    """What was posted to URLs so far."""
    settings.INBOUND_POSTERS = ["rules.tests.posting.post"]
    posting.posted.clear()
    return posting.posted
