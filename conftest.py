"""Fixtures of all tests of the server; PostgreSQL and Redis are real (tests/isolation.py)."""

import pytest


@pytest.fixture(autouse=True)
def _fresh_counters(request):
    """Rate limits and cached keys of one test must not reach the next."""
    fixtures = {"db", "transactional_db"} & set(request.fixturenames)
    if fixtures or request.node.get_closest_marker("django_db"):
        # The agent's tests run without Django, so nothing of the server is imported before here.
        from accounts.redis import connection  # noqa: PLC0415
        from accounts.services.api_keys import forget_cached_keys  # noqa: PLC0415
        from accounts.services.limits import forget_purses  # noqa: PLC0415
        from devices.queries import forget_phones  # noqa: PLC0415

        connection().flushdb()
        forget_cached_keys()
        forget_purses()
        forget_phones()


@pytest.fixture
def no_lasting_connections(transactional_db, monkeypatch):
    """The gateway's threads keep their connections; here they end with each call."""
    from django.db import connections  # noqa: PLC0415 - as above

    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
