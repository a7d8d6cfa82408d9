"""The list of messages and the page of one."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.ids import first_id_of
from accounts.models import Membership
from accounts.tests.factories import MembershipFactory
from devices.models import Sim
from devices.tests.factories import DeviceFactory
from messaging.models import Message, MessageEvent
from messaging.pages.timeline import timeline_of
from messaging.tests.factories import ContactFactory, MessageFactory, in_bulk

pytestmark = pytest.mark.django_db

Role = Membership.Role


@pytest.fixture
def device():
    return DeviceFactory(name="Front desk", tenant__time_zone="Asia/Singapore")


@pytest.fixture
def log_in(client, device):
    """A function that logs a member of the device's tenant in, with a role."""

    def as_member(role=Role.OPERATOR):
        client.force_login(MembershipFactory(tenant=device.tenant, role=role).user)
        return client

    return as_member


def shown(answer) -> list[Message]:
    assert answer.status_code == 200
    return [row.message for row in answer.context["rows"]]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_list_is_newest_first_and_goes_on_where_the_page_ends(log_in, device):
    client = log_in(Role.VIEWER)
    made = in_bulk(35, device=device)
    first = client.get("/messages")
    newest_first = sorted(made, key=lambda message: message.public_id, reverse=True)
    assert shown(first) == newest_first[:30]
    rest = client.get("/messages/more", {"cursor": first.context["cursor"]})
    assert (shown(rest), rest.context["cursor"]) == (newest_first[30:], None)


def test_list_has_nothing_of_another_tenant(log_in, device):
    client = log_in()
    MessageFactory()
    mine = MessageFactory(device=device)
    assert shown(client.get("/messages")) == [mine]


@pytest.mark.parametrize("cursor", ["", "nonsense"])
def test_more_with_a_cursor_that_nobody_made_is_not_found(log_in, cursor):
    assert log_in().get("/messages/more", {"cursor": cursor}).status_code == 404


FILTERS = [
    ({"direction": "inbound"}, ["in"]),
    ({"status": "failed"}, ["lost", "failed"]),
    ({"status": "queued", "direction": "outbound"}, ["other"]),
    ({"to": "8123 0001"}, ["failed"]),
    ({"from": "+6582220000"}, ["in"]),
    ({"ref": "order-1"}, ["lost"]),
    ({"q": "hello there"}, ["lost"]),
    ({"q": "", "status": ""}, ["other", "in", "lost", "failed"]),
    ({"status": "canceled"}, []),
]


@pytest.mark.parametrize(("parameters", "expected"), FILTERS)
def test_filters_of_the_url_narrow_the_list(log_in, device, parameters, expected):
    client = log_in()
    names = {
        MessageFactory(device=device, status="failed", recipient="+6581230001").pk: "failed",
        MessageFactory(device=device, status="unknown", ref="order-1", text="Hello there").pk: (
            "lost"
        ),
        MessageFactory(device=device, inbound=True, sender="+6582220000").pk: "in",
        MessageFactory(device=device).pk: "other",
    }
    found = shown(client.get("/messages", parameters))
    assert [names[message.pk] for message in found] == expected


def test_phone_filters_and_a_foreign_one_is_refused(log_in, device):
    client = log_in()
    mine = MessageFactory(device=device)
    MessageFactory(device=DeviceFactory(tenant=device.tenant))
    assert shown(client.get("/messages", {"phone": device.external_id})) == [mine]
    foreign = client.get("/messages", {"phone": DeviceFactory().external_id})
    assert (shown(foreign), list(foreign.context["form"].errors)) == ([], ["phone"])


def test_days_are_the_tenants_and_the_last_one_counts(log_in, device):
    client = log_in()
    times = ["2026-03-01T15:59", "2026-03-01T16:00", "2026-03-02T15:59", "2026-03-02T16:00"]
    rows = [MessageFactory(device=device, public_id=first_id_of(at(text))) for text in times]
    day = {"since": "2026-03-02", "until": "2026-03-02"}
    assert shown(client.get("/messages", day)) == [rows[2], rows[1]]


def test_a_day_that_is_none_marks_its_field(log_in, device):
    MessageFactory(device=device)
    answer = log_in().get("/messages", {"since": "tomorrow"})
    assert (shown(answer), list(answer.context["form"].errors)) == ([], ["since"])
    assert answer.content.count(b'value="tomorrow"') == 1


def test_nothing_found_says_with_which_filters(log_in, device):
    MessageFactory(device=device)
    answer = log_in().get("/messages", {"status": "failed", "to": "123"})
    assert answer.context["form"].chosen == [("status", "failed"), ("to", "123")]
    assert answer.content.count(b"Clear the filters") == 1


@pytest.mark.parametrize(("role", "buttons"), [(Role.VIEWER, 0), (Role.OPERATOR, 1)])
def test_without_messages_operators_are_asked_to_send_one(log_in, role, buttons):
    content = log_in(role).get("/messages").content
    assert content.count(b"Send the first text") == buttons


def test_without_phones_one_is_asked_for(log_in, device):
    client = log_in()
    device.delete()
    assert client.get("/messages").content.count(b"Go to phones") == 1


def test_contacts_are_called_by_their_names(log_in, device):
    MessageFactory(device=device, recipient="+6581230001")
    ContactFactory(tenant=device.tenant, number="+6581230001", name="Ann")
    ContactFactory(number="+6581230001", name="Somebody else's")
    answer = log_in().get("/messages")
    assert [row.name for row in answer.context["rows"]] == ["Ann"]


@pytest.mark.parametrize("path", ["/messages", "/messages/news", "/messages?q=Hello&status=queued"])
def test_list_takes_as_many_queries_for_one_row_as_for_thirty(log_in, device, path):
    client = log_in()
    first = MessageFactory(device=device)
    parameters = {"shown": first.external_id, "open": f"{first.external_id}.sent"}
    client.get(path, parameters)
    with CaptureQueriesContext(connection) as one:
        client.get(path, parameters)
    for message in in_bulk(29, device=device):
        ContactFactory(tenant=device.tenant, number=message.recipient, name="Ann")
    with CaptureQueriesContext(connection) as thirty:
        client.get(path, parameters)
    assert len(thirty) == len(one)


def news(client, *shown: Message, open_rows=()):
    watched = ",".join(f"{message.external_id}.{status}" for message, status in open_rows)
    ids = ",".join(message.external_id for message in shown)
    return client.get("/messages/news", {"shown": ids, "open": watched})


def test_news_are_newer_rows_and_changed_ones(log_in, device):
    client = log_in()
    same, changed = MessageFactory(device=device), MessageFactory(device=device, status="sent")
    foreign = MessageFactory(status="sent")
    newest = MessageFactory(device=device)
    fresh = MessageFactory(device=device)
    watched = [(same, "queued"), (changed, "queued"), (foreign, "queued")]
    answer = news(client, newest, changed, same, open_rows=watched)
    assert [row.message for row in answer.context["fresh"]] == [fresh]
    assert [row.message for row in answer.context["changed"]] == [changed]
    assert news(client, fresh, open_rows=[(same, "queued")]).status_code == 204


def test_news_have_what_was_stored_late_under_an_earlier_id(log_in, device):
    client = log_in()
    older, late, newest = MessageFactory.create_batch(3, device=device)
    answer = news(client, newest, older)
    assert [row.message for row in answer.context["fresh"]] == [late]
    assert news(client, newest, late).status_code == 204  # what is below them is a page further


def test_news_go_through_the_filters(log_in, device):
    client = log_in()
    newest = MessageFactory(device=device)
    MessageFactory(device=device)
    parameters = {"shown": newest.external_id, "status": "failed"}
    assert client.get("/messages/news", parameters).status_code == 204


@pytest.mark.parametrize(("count", "fresh", "are_many"), [(50, 50, False), (51, 0, True)])
def test_more_than_fifty_news_are_only_announced(log_in, device, count, fresh, are_many):
    client = log_in()
    newest = MessageFactory(device=device)
    in_bulk(count, device=device)
    context = news(client, newest).context
    assert (len(context["fresh"]), context["are_many"]) == (fresh, are_many)


def test_news_leave_out_what_no_page_sent(log_in, device):
    client = log_in()
    newest = MessageFactory(device=device)
    shown = f"msg_x,{newest.external_id},,\0"
    parameters = {"shown": shown, "open": "msg_x.sent,,nonsense,msg_.\0"}
    assert client.get("/messages/news", parameters).status_code == 204
    assert client.get("/messages/news", {"shown": "nonsense"}).status_code == 204


def path_of(message: Message, verb: str = "") -> str:
    return f"/messages/{message.external_id}{verb}"


@pytest.mark.parametrize("verb", ["", "/state"])
def test_message_is_shown_with_what_went_wrong_and_what_to_do(log_in, device, verb):
    message = MessageFactory(
        device=device, status="failed", error_code="no_sim", text="a" * 200, segments=2
    )
    context = log_in(Role.VIEWER).get(path_of(message, verb)).context
    assert context["parts"] == ["a" * 153, "a" * 47]
    assert context["explanation"].what == "The phone found no SIM"


@pytest.mark.parametrize("verb", ["", "/state", "/cancel"])
def test_message_of_another_tenant_is_not_found(log_in, verb):
    client = log_in()
    ask = client.post if verb == "/cancel" else client.get
    assert ask(path_of(MessageFactory(), verb)).status_code == 404
    assert ask(f"/messages/msg_nonsense{verb}").status_code == 404


def test_message_takes_as_many_queries_for_one_event_as_for_thirty(log_in, device):
    client = log_in()
    message = MessageFactory(device=device)
    client.get(path_of(message))

    def add(numbers) -> int:
        for number in numbers:
            MessageEvent.objects.create(
                tenant=device.tenant, message=message, device=device, kind="sent", key=f"1.{number}"
            )
        with CaptureQueriesContext(connection) as queries:
            client.get(path_of(message))
        return len(queries)

    assert add(range(1)) == add(range(1, 30))


def event(message: Message, kind: str, **columns) -> MessageEvent:
    key = columns.pop("key", f"1.{kind}")
    return MessageEvent.objects.create(
        tenant=message.tenant, message=message, device=message.device, kind=kind, key=key, **columns
    )


def test_timeline_is_in_sentences(device):
    message = MessageFactory(device=device)
    event(message, "queued", key="queued")
    event(message, "leased", detail={"sim": 1})
    event(message, "failed", detail={"code": "no_service"})
    event(message, "leased", key="2.leased.2", detail={"sim": 2})
    event(message, "sent", key="2.sent.1", detail={"part": 1, "parts": 2})
    event(message, "something_new")
    assert [(entry.attempt, entry.sentence) for entry in timeline_of(message)] == [
        (1, "Accepted, waiting for a phone"),
        (1, "Handed to Front desk, SIM 1"),
        (1, "The phone had no network (Front desk)"),
        (2, "Handed to Front desk, SIM 2"),
        (2, "Sent by Front desk, part 1 of 2"),
        (1, "Something new"),
    ]


@pytest.mark.parametrize(("minutes", "is_shown"), [(5, False), (6, True), (-6, True)])
def test_phones_clock_is_shown_when_it_is_far_from_ours(device, minutes, is_shown):
    message, now = MessageFactory(device=device), timezone.now()
    told = event(message, "sent", received_at=now, occurred_at=now + timedelta(minutes=minutes))
    assert [entry.phone_time for entry in timeline_of(message)] == [
        told.occurred_at if is_shown else None
    ]


@pytest.mark.parametrize(
    ("columns", "is_offered", "end"),
    [
        ({}, 1, "canceled"),
        ({"status": "scheduled"}, 1, "canceled"),
        ({"leased": True}, 1, "leased"),
        ({"status": "sent"}, 0, "sent"),
        ({"inbound": True}, 0, "received"),
    ],
)
def test_cancel_is_offered_while_it_is_possible(log_in, device, columns, is_offered, end):
    client = log_in()
    message = MessageFactory(device=device, **columns)
    path = path_of(message, "/cancel")
    assert client.get(path_of(message)).content.count(path.encode()) == is_offered
    assert client.post(path).status_code == 302
    message.refresh_from_db()
    assert (message.status, message.cancel_requested_at is not None) == (end, bool(is_offered))
    assert client.get(path_of(message)).content.count(path.encode()) == 0


@pytest.mark.parametrize(
    ("columns", "is_offered"),
    [
        ({"status": "scheduled"}, 0),
        ({"status": "queued"}, 0),
        ({"leased": True}, 0),
        ({"accepted": True}, 0),
        ({"status": "failed"}, 1),
        ({"status": "unknown"}, 1),
        ({"inbound": True}, 0),
    ],
)
def test_sending_again_is_offered_once_nothing_can_leave_by_itself(
    log_in, device, columns, is_offered
):
    message = MessageFactory(device=device, **columns)
    page = log_in().get(path_of(message)).content.decode()
    assert page.count(f"?again={message.external_id}") == is_offered


def test_viewers_may_not_cancel_nor_send(log_in, device):
    client = log_in(Role.VIEWER)
    message = MessageFactory(device=device)
    page = client.get(path_of(message)).content
    assert (page.count(b"/cancel"), page.count(b"/messages/new")) == (0, 0)
    assert client.post(path_of(message, "/cancel")).status_code == 403


def test_message_is_not_canceled_by_looking(log_in, device):
    assert log_in().get(path_of(MessageFactory(device=device), "/cancel")).status_code == 405


@pytest.mark.parametrize(("status", "listens"), [("sent", 1), ("delivered", 0)])
def test_open_message_listens_for_what_becomes_of_it(log_in, device, status, listens):
    message = MessageFactory(device=device, status=status)
    page = log_in().get(path_of(message)).content.decode()
    assert page.count(f"live:{message.external_id}") == listens


def test_facts_tell_phone_and_sim(log_in, device):
    Sim.objects.filter(device=device).update(carrier="Carrier")
    message = MessageFactory(device=device, leased=True, metadata={"b": [1], "a": "x"})
    context = log_in().get(path_of(message)).context
    assert (context["attempts"], context["metadata"]) == (
        1,
        '{\n  "a": "x",\n  "b": [\n    1\n  ]\n}',
    )
