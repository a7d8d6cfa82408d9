"""Advisory locks: one at a time, over connections of their own."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from accounts.locks import advisory_lock

pytestmark = pytest.mark.django_db(transaction=True)


def is_free(name: str) -> bool:
    """Whether another connection gets the lock."""

    def ask() -> bool:
        try:
            with advisory_lock(name) as is_mine:
                return is_mine
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(ask).result(timeout=10)


def test_lock_is_held_against_others_and_free_afterwards():
    with advisory_lock("sweep") as is_mine:
        assert (is_mine, is_free("sweep"), is_free("another sweep")) == (True, False, True)
    assert is_free("sweep") is True


def test_lock_is_free_after_an_error():
    with pytest.raises(ZeroDivisionError), advisory_lock("sweep"):
        raise ZeroDivisionError
    assert is_free("sweep") is True
