"""Concurrent single sends: one commit for many, each thread with its own answer."""

from functools import partial
from threading import Event, Thread
from time import monotonic

import pytest

from accounts.errors import InvalidInput
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.services.outbound import _Order, _queue_orders, queue_message
from messaging.services.shared_commit import SharedCommit
from messaging.tests import policies
from messaging.tests.factories import draft
from messaging.tests.threads import at_once


class Bench:
    """Work that waits until it is let go, and remembers who came together."""

    def __init__(self) -> None:
        self.crews: list[list[int]] = []
        self.is_busy, self.may_go_on = Event(), Event()

    def work(self, items: list[int]) -> list[int]:
        self.crews.append(items)
        self.is_busy.set()
        assert self.may_go_on.wait(timeout=10)
        if 13 in items:
            raise ValueError("13")
        return [item * 10 for item in items]


def _submit_behind_a_busy_leader(items: list[int], *, at_most: int = 100):
    """(crews, answers) when `items` come one after another while the item 0 is worked on."""
    bench = Bench()
    shared = SharedCommit(bench.work, at_most=at_most, leaders=1)
    answers: dict[int, object] = {}

    def submit(item: int) -> None:
        try:
            answers[item] = shared.submit(item)
        except ValueError as error:
            answers[item] = str(error)

    threads = [Thread(target=submit, args=(item,)) for item in (0, *items)]
    threads[0].start()
    assert bench.is_busy.wait(timeout=10)
    for number, thread in enumerate(threads[1:], start=1):
        thread.start()
        deadline = monotonic() + 10
        while len(shared._waiting) < number:
            assert monotonic() < deadline
            thread.join(0.001)
    bench.may_go_on.set()
    for thread in threads:
        thread.join(timeout=10)
    return bench.crews, answers


def test_those_that_wait_share_the_next_commit():
    crews, answers = _submit_behind_a_busy_leader([1, 2, 3, 4])
    assert crews == [[0], [1, 2, 3, 4]]
    assert answers == {0: 0, 1: 10, 2: 20, 3: 30, 4: 40}


def test_commit_takes_no_more_than_it_may():
    crews, answers = _submit_behind_a_busy_leader([1, 2, 3, 4, 5], at_most=2)
    assert crews == [[0], [1, 2], [3, 4], [5]]
    assert sorted(answers) == [0, 1, 2, 3, 4, 5]


def test_item_that_fails_fails_alone():
    crews, answers = _submit_behind_a_busy_leader([1, 13, 2])
    assert (crews[:2], sorted(crews[2:])) == ([[0], [1, 13, 2]], [[1], [2], [13]])
    assert answers == {0: 0, 1: 10, 13: "13", 2: 20}


def test_lone_item_waits_for_nobody():
    shared = SharedCommit(lambda items: items, at_most=100, leaders=1)
    assert [shared.submit(item) for item in (1, 2)] == [1, 2]


@pytest.mark.django_db(transaction=True)
def test_concurrent_sends_of_two_tenants_are_all_stored_and_answered_in_person():
    tenants = [DeviceFactory().tenant, DeviceFactory().tenant]

    def send(number: int) -> list[tuple[str, object]]:
        """(recipient, answer) of twenty messages, of which every fifth is bad."""
        told = []
        for turn in range(20):
            recipient = "bad" if turn % 5 == 0 else f"+65810{number}{turn:04}"
            try:
                asked = draft(recipient)
                queued = queue_message(tenant=tenants[number % 2], draft=asked, origin="api")
                told.append((recipient, queued.public_id))
            except InvalidInput as error:
                told.append((recipient, error.code))
        return told

    answers = at_once(*[partial(send, number) for number in range(8)])
    stored = {(m.tenant_id, m.recipient): m.public_id for m in Message.objects.all()}
    for number, told in enumerate(answers):
        tenant_id = tenants[number % 2].pk
        for recipient, answer in told:
            assert answer == stored.get((tenant_id, recipient), "validation_error")
    assert len(stored) == Message.objects.count() == 8 * 16


@pytest.mark.django_db
def test_tenants_are_asked_about_in_one_order_so_that_policies_cannot_deadlock(settings):
    settings.MESSAGE_POLICIES = ["messaging.tests.policies.look_at_tenant"]
    policies.tenants.clear()
    first, second = DeviceFactory().tenant, DeviceFactory().tenant
    orders = [
        _Order(tenant, draft(f"+6581230{number:03}"), Message.Origin.API)
        for number, tenant in enumerate([second, first, second, first])
    ]
    results = _queue_orders(orders)
    assert policies.tenants == [first.pk, second.pk]
    stored = {message.public_id: message for message in Message.objects.all()}
    assert [(stored[r.public_id].tenant, stored[r.public_id].recipient) for r in results] == [
        (order.tenant, order.draft.recipient) for order in orders
    ]
