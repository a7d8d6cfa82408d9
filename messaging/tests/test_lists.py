"""Pages of messages: each message on one of them, whatever comes in meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core import signing

from accounts.api.lists import CURSOR_SALT, read_query
from accounts.errors import InvalidInput
from accounts.tests.factories import TenantFactory
from devices.tests.factories import DeviceFactory
from messaging.api.inputs import ListQuery
from messaging.api.lists import page_of_messages
from messaging.models import Message
from messaging.tests.factories import MessageFactory

pytestmark = pytest.mark.django_db

ALICE, BOB = "+6581111111", "+6582222222"
LETTERS = "DBS-Bank"
OUTBOUND = ["scheduled", "queued", "leased", "accepted", "sent", "delivered"]
OUTBOUND += ["failed", "unknown", "expired", "canceled"]
SEEN_AS = {"leased": "queued", "accepted": "queued", "unknown": "failed"}


class Box:
    """A tenant's messages of every kind, and a neighbour with the same."""

    def __init__(self) -> None:
        self.phones = [DeviceFactory(), None]
        self.tenant = self.phones[0].tenant
        self.phones[1] = DeviceFactory(tenant=self.tenant)
        self.neighbour = DeviceFactory()

    def add(self, number: int) -> None:
        """One message; its number decides what it is like."""
        columns = {"ref": f"order-{number % 3}" if number % 4 else ""}
        columns["text"] = f"Order {number} is {'ready' if number % 2 else 'not yet there'}"
        if number % 3 == 0:
            columns |= {"inbound": True, "sender": [ALICE, LETTERS][number % 2]}
        else:
            columns |= {"status": OUTBOUND[number % 10], "recipient": [ALICE, BOB][number % 2]}
        for device in (self.phones[number % 2], self.neighbour):
            MessageFactory(device=device, tenant=device.tenant, **columns)

    def pages(self, limit: int, *, is_busy: bool, **filters: str) -> list[list[Message]]:
        """All pages; when it is busy, messages of every kind arrive before each."""
        pages, cursor = [], {}
        while True:
            page, next_cursor = self.page(limit=str(limit), **filters, **cursor)
            pages.append(page)
            if next_cursor is None:
                return pages
            cursor = {"cursor": next_cursor}
            for number in range(0, 60 if is_busy else 0, 7):
                self.add(number)

    def page(self, **parameters: str):
        return page_of_messages(self.tenant, read_query(parameters, ListQuery))


@pytest.fixture
def box():
    box = Box()
    for number in range(60):
        box.add(number)
    return box


def _filters(box: Box) -> list[tuple[dict[str, str], object]]:
    """Every filter, and the same in Python."""
    by_status = [
        ({"status": status}, lambda m, status=status: SEEN_AS.get(m.status, m.status) == status)
        for status in ("scheduled", "queued", "sent", "delivered", "failed", "expired", "received")
    ]
    middle = Message.objects.order_by("id")[60].public_id
    moment = datetime.fromtimestamp((middle.int >> 80) / 1000, UTC)
    return [
        *by_status,
        ({}, lambda m: True),
        ({"direction": "inbound"}, lambda m: m.direction == "inbound"),
        ({"direction": "outbound"}, lambda m: m.direction == "outbound"),
        ({"to": ALICE}, lambda m: m.recipient == ALICE),
        ({"to": "8222 2222"}, lambda m: m.recipient == BOB),
        ({"from": LETTERS}, lambda m: m.sender == LETTERS),
        ({"from": ALICE, "direction": "inbound"}, lambda m: m.sender == ALICE),
        ({"ref": "order-1"}, lambda m: m.ref == "order-1"),
        ({"deviceId": box.phones[1].external_id}, lambda m: m.device_id == box.phones[1].pk),
        ({"q": "READY"}, lambda m: "ready" in m.text),
        ({"q": "there yet"}, lambda m: "not yet there" in m.text),
        ({"since": moment.isoformat()}, lambda m: m.public_id.int >> 80 >= middle.int >> 80),
        ({"until": moment.isoformat()}, lambda m: m.public_id.int >> 80 < middle.int >> 80),
        (
            {"status": "queued", "direction": "outbound", "q": "order"},
            lambda m: m.status in ("queued", "leased", "accepted"),
        ),
    ]


@pytest.mark.parametrize("is_busy", [False, True])
def test_pages_of_every_filter_hold_each_message_once_newest_first(box, is_busy):
    for parameters, is_wanted in _filters(box):
        newest = Message.objects.latest("id").pk
        mine = Message.objects.filter(tenant=box.tenant).order_by("-id")
        expected = [message.pk for message in mine if is_wanted(message)]
        pages = box.pages(max(3, len(expected) // 3), is_busy=is_busy, **parameters)
        assert [message.pk for page in pages for message in page] == expected, parameters
        assert len(pages) >= 2, parameters
        Message.objects.filter(pk__gt=newest).delete()


def test_page_that_is_just_full_is_the_last(box):
    page, cursor = box.page(limit="60")
    assert (len(page), cursor) == (60, None)
    assert [len(page) for page in box.pages(30, is_busy=False)] == [30, 30]


@pytest.mark.parametrize(
    "parameters",
    [
        {"to": "+6589999999"},
        {"to": "letters"},
        {"from": BOB},
        {"ref": "order"},
        {"deviceId": "dev_0000000000000000000000"},
        {"deviceId": "nonsense"},
        {"q": "absent"},
        {"q": "rea"},
        {"since": "2999-01-01T00:00:00Z"},
        {"until": "1969-01-01T00:00:00Z"},
        {"status": "received", "direction": "outbound"},
    ],
)
def test_filter_that_nothing_passes_gives_an_empty_page(box, parameters):
    assert box.page(**parameters) == ([], None)


def test_device_of_another_tenant_gives_an_empty_page(box):
    assert box.page(deviceId=box.neighbour.external_id) == ([], None)


def test_bounds_include_since_and_exclude_until(box):
    first, *_, last = Message.objects.filter(tenant=box.tenant).order_by("public_id")

    def moment(message: Message, milliseconds: int) -> str:
        at = datetime.fromtimestamp((message.public_id.int >> 80) / 1000, UTC)
        return (at + timedelta(milliseconds=milliseconds)).isoformat()

    page, _ = box.page(since=moment(last, 0))
    assert page[0] == last
    assert box.page(since=moment(last, 1)) == ([], None)
    assert box.page(until=moment(first, 0)) == ([], None)
    page, _ = box.page(until=moment(first, 1))
    assert page[-1] == first


def _is_refused(tenant, **parameters: str) -> bool:
    try:
        page_of_messages(tenant, read_query(parameters, ListQuery))
    except InvalidInput as error:
        return [(issue.path, issue.code) for issue in error.issues] == [
            ("cursor", "invalid_cursor")
        ]
    return False


def test_cursor_works_only_for_its_tenant_and_filters(box):
    _, cursor = box.page(limit="5", to=ALICE)
    assert _is_refused(box.neighbour.tenant, limit="5", to=ALICE, cursor=cursor)
    assert _is_refused(TenantFactory(), to=ALICE, cursor=cursor)
    assert _is_refused(box.tenant, to=BOB, cursor=cursor)
    assert _is_refused(box.tenant, cursor=cursor)
    assert _is_refused(box.tenant, to=ALICE, q="order", cursor=cursor)
    assert not _is_refused(box.tenant, to=ALICE, limit="9", cursor=cursor)


def test_cursor_that_was_tampered_with_is_refused(box):
    _, cursor = box.page(limit="5")
    payload, time, signature = cursor.split(":")
    forged = [
        "",
        "x",
        cursor[:-1],
        f"{payload[:-1]}A:{time}:{signature}",
        signing.dumps([box.tenant.pk, "0" * 16, "0" * 32], salt=CURSOR_SALT),
        signing.dumps("not a list", salt=CURSOR_SALT),
        signing.dumps([1], salt=CURSOR_SALT),
        signing.dumps([box.tenant.pk, "0" * 16, "0" * 32], salt="another"),
    ]
    assert [_is_refused(box.tenant, cursor=text) for text in forged] == [True] * len(forged)
