"""Choosing a phone, as a table."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from messaging.routing import Candidate, choose_device

NOW = datetime(2031, 3, 3, 12, tzinfo=UTC)
PLAIN = Candidate(
    device_id=1,
    is_online=True,
    is_default=False,
    is_simulated=False,
    has_budget=True,
    queue_on_phone=0,
    last_seen_at=NOW,
)
OFFLINE = {"is_online": False, "last_seen_at": NOW - timedelta(hours=1)}
SPENT = {"has_budget": False}
UNABLE = {"is_able": False}
SLOW = {"is_slow": True}
DEFAULT = {"is_default": True}


def _phone(device_id: int, **columns) -> Candidate:
    return replace(PLAIN, device_id=device_id, **columns)


def _choice(phones: list[Candidate], **wanted) -> int | None:
    """The chosen device; the same in whatever order the phones are listed."""
    chosen = {
        phone and phone.device_id
        for phone in (choose_device(list(order), **wanted) for order in permutations(phones))
    }
    (device_id,) = chosen
    return device_id


@pytest.mark.parametrize(
    ("phones", "wanted", "chosen"),
    [
        # Nobody there.
        ([], {}, None),
        ([_phone(1, **OFFLINE)], {}, None),
        ([_phone(1, **OFFLINE, **DEFAULT)], {"sticky": 1}, None),
        # Pinned: that one or none.
        ([_phone(1, **DEFAULT), _phone(2)], {"pinned": 2, "sticky": 1}, 2),
        ([_phone(1), _phone(2, **SPENT)], {"pinned": 2}, 2),
        ([_phone(1), _phone(2, **OFFLINE)], {"pinned": 2}, None),
        ([_phone(1)], {"pinned": 3}, None),
        # Sticky goes before the default, if it is online.
        ([_phone(1, **DEFAULT), _phone(2)], {"sticky": 2}, 2),
        ([_phone(1, **DEFAULT), _phone(2, **OFFLINE)], {"sticky": 2}, 1),
        ([_phone(1), _phone(2, queue_on_phone=90)], {"sticky": 2}, 2),
        ([_phone(1)], {"sticky": 9}, 1),
        # Able phones go before all others, and one that is not is better than none.
        ([_phone(1, **UNABLE, **DEFAULT), _phone(2, **SPENT)], {"sticky": 1}, 2),
        ([_phone(1, **UNABLE)], {}, 1),
        ([_phone(1, **UNABLE), _phone(2)], {"pinned": 1}, 1),
        # What asks every quarter of an hour is not given any while there is another.
        ([_phone(1, **SLOW, **DEFAULT), _phone(2, **SPENT)], {"sticky": 1}, 2),
        ([_phone(1, **SLOW), _phone(2, **UNABLE)], {}, 1),
        ([_phone(1, **SLOW)], {}, 1),
        ([_phone(1, **SLOW), _phone(2)], {"pinned": 1}, 1),
        # The default goes before the healthier, while it has budget.
        ([_phone(1), _phone(2, queue_on_phone=90, **DEFAULT)], {}, 2),
        ([_phone(1), _phone(2, **DEFAULT, **SPENT)], {}, 1),
        ([_phone(1, **SPENT), _phone(2, **DEFAULT, **SPENT)], {}, 1),
        # Healthiest: budget, then the shorter queue, then the latest sign of life, then the eldest.
        ([_phone(1, **SPENT), _phone(2, queue_on_phone=90)], {}, 2),
        ([_phone(1, queue_on_phone=2), _phone(2, queue_on_phone=1)], {}, 2),
        ([_phone(1, last_seen_at=NOW - timedelta(seconds=9)), _phone(2)], {}, 2),
        ([_phone(1), _phone(2), _phone(3)], {}, 1),
        # A spent budget delays a message; it does not refuse it.
        ([_phone(1, **SPENT)], {}, 1),
        # Test messages.
        ([_phone(1, **DEFAULT), _phone(2, is_simulated=True)], {"is_test": True}, 2),
        ([_phone(1)], {"is_test": True}, None),
        ([_phone(1)], {"is_test": True, "pinned": 1}, None),
        ([_phone(1), _phone(2, is_simulated=True)], {"is_test": True, "sticky": 1}, 2),
    ],
)
def test_choice(phones, wanted, chosen):
    assert _choice(phones, **wanted) == chosen
