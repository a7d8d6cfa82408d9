"""Writing a text and sending it."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import IdempotencyRecord, Membership
from accounts.tests.factories import MembershipFactory
from devices.tests.factories import DeviceFactory, SimFactory
from messaging.models import Message
from messaging.tests.factories import (
    ContactFactory,
    GroupFactory,
    MessageFactory,
    OptOutFactory,
    change,
)

pytestmark = pytest.mark.django_db

Role = Membership.Role
PATH = "/messages/new"
# The clocks of Berlin go forward in the night to 29 March 2026 and back in that to 25 October.
BEFORE_THE_CHANGES = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def device():
    return DeviceFactory(name="Front desk", tenant__time_zone="Europe/Berlin")


@pytest.fixture
def log_in(client, device):
    """A function that logs a member of the device's tenant in, with a role."""

    def as_member(role=Role.OPERATOR):
        client.force_login(MembershipFactory(tenant=device.tenant, role=role).user)
        return client

    return as_member


def typed(to="81230001", text="Hello", **fields) -> dict[str, str]:
    return {"to": to, "text": text, "priority": "1", "once": uuid4().hex, **fields}


def errors_of(answer) -> dict[str, list[str]]:
    assert answer.status_code == 422
    return dict(answer.context["form"].errors)


def test_one_text_leads_to_its_page(log_in, device):
    answer = log_in().post(PATH, typed(text="One\r\ntwo "))
    message = Message.objects.get()
    assert (answer.status_code, answer.url) == (302, f"/messages/{message.external_id}")
    assert (message.recipient, message.text) == ("+6581230001", "One\ntwo ")
    assert (message.origin, message.lane, message.device) == ("dashboard", 1, device)


def test_many_numbers_and_a_group_get_one_text_each(log_in, device):
    group = GroupFactory(tenant=device.tenant)
    for number in ("+6581230001", "+6581230009"):
        group.contacts.add(ContactFactory(tenant=device.tenant, number=number))
    to = "81230001, +65 8123 0001\r\n+6581230002;+6581230003\t"
    answer = log_in().post(PATH, typed(to, group=group.external_id))
    assert (answer.status_code, answer.url) == (302, "/messages")
    assert sorted(Message.objects.values_list("recipient", flat=True)) == [
        f"+658123000{last}" for last in (1, 2, 3, 9)
    ]


def test_posted_twice_it_is_sent_once(log_in):
    client, form = log_in(), typed()
    first, second = client.post(PATH, form), client.post(PATH, form)
    assert (first.url, Message.objects.count()) == (second.url, 1)


def test_posted_again_with_another_text_it_asks_before_it_sends(log_in):
    client, form = log_in(), typed()
    client.post(PATH, form)
    answer = client.post(PATH, form | {"text": "Other"})
    assert (list(errors_of(answer)), Message.objects.count()) == (["__all__"], 1)
    again = answer.context["form"].data
    assert (again["text"], again["once"] != form["once"]) == ("Other", True)
    client.post(PATH, again.dict())
    assert Message.objects.count() == 2


def test_what_was_refused_stays_to_be_corrected(log_in, device):
    OptOutFactory(tenant=device.tenant, number="+6581230002")
    client = log_in()
    form = typed("81230001\n81230002\nabc")
    for _ in range(2):  # a reload says it again and sends nothing
        answer = client.post(PATH, form)
        assert answer.status_code == 422
        assert (answer.context["queued"], Message.objects.count()) == (1, 1)
        reasons = answer.context["reasons"]
        assert sorted(reasons.values()) == [["+6581230002"], ["abc"]]
    kept = answer.context["form"].data
    assert (kept["to"], kept["text"]) == ("+6581230002\nabc", "Hello")


def test_group_is_not_sent_to_again_for_those_who_were_refused(log_in, device):
    group = GroupFactory(tenant=device.tenant)
    for number in ("+6581230001", "+6581230002"):
        group.contacts.add(ContactFactory(tenant=device.tenant, number=number))
    OptOutFactory(tenant=device.tenant, number="+6581230002")
    answer = log_in().post(PATH, typed("", group=group.external_id))
    kept = answer.context["form"].data
    assert (kept["to"], kept["group"]) == ("+6581230002", "")


def test_without_anything_queued_the_key_can_be_used_again(log_in, device):
    client, form = log_in(), typed("abc")
    assert list(errors_of(client.post(PATH, form))) == ["to"]
    assert IdempotencyRecord.objects.count() == 0
    assert client.post(PATH, form | {"to": "81230001"}).status_code == 302


def test_without_a_phone_online_it_waits_only_if_it_may(log_in, device):
    change(device, last_seen_at=None)
    client = log_in()
    assert list(errors_of(client.post(PATH, typed()))) == ["__all__"]
    assert client.post(PATH, typed(hold="on")).status_code == 302


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"to": ""}, ["to"]),
        ({"text": " \r\n"}, ["text"]),
        ({"text": "a" * 1601}, ["text"]),
        ({"send_at": "tomorrow"}, ["send_at"]),
        ({"send_at": "2020-01-01T10:00"}, ["send_at"]),
        ({"send_at": "9999-12-31T23:59"}, ["__all__"]),
        ({"priority": "7"}, ["priority"]),
        ({"phone": "dev_unknown"}, ["phone"]),
        ({"to": "", "group": "grp_unknown"}, ["group", "to"]),
        ({"once": "mine"}, ["once"]),
    ],
)
def test_mistakes_keep_what_was_typed(log_in, fields, expected):
    answer = log_in().post(PATH, typed(**{"text": "Kept"} | fields))
    found = sorted(errors_of(answer))
    assert (found, Message.objects.count()) == (sorted(expected), 0)
    assert answer.context["form"].data["text"] == fields.get("text", "Kept")


def test_text_of_1600_characters_may_have_lines(log_in):
    text = "a\r\n" * 800
    assert log_in().post(PATH, typed(text=text)).status_code == 302
    assert len(Message.objects.get().text) == 1600


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2026-03-28T02:30", datetime(2026, 3, 28, 1, 30, tzinfo=UTC)),
        ("2026-03-29T03:30", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        # Shown twice; the first one is meant.
        ("2026-10-25T02:30", datetime(2026, 10, 25, 0, 30, tzinfo=UTC)),
    ],
)
def test_schedule_is_in_the_tenants_zone(log_in, local, utc):
    with time_machine.travel(BEFORE_THE_CHANGES, tick=False):
        log_in().post(PATH, typed(send_at=local))
    message = Message.objects.get()
    assert (message.status, message.send_at) == ("scheduled", utc)


def test_time_that_the_clocks_skip_is_refused_with_another(log_in):
    with time_machine.travel(BEFORE_THE_CHANGES, tick=False):
        errors = errors_of(log_in().post(PATH, typed(send_at="2026-03-29T02:30")))
    assert errors == {
        "send_at": [
            "The clocks go forward that day, and 02:30 does not exist in Europe/Berlin."
            " You may mean 03:30."
        ]
    }


def test_phone_and_sim_can_be_chosen(log_in, device):
    SimFactory(device=device, slot=2, number="+6598765433")
    foreign = DeviceFactory()
    client = log_in()
    phones = [value for value, _ in client.get(PATH).context["form"].fields["phone"].choices]
    assert phones == ["", *(f"{device.external_id}{end}" for end in ("", ".1", ".2"))]
    client.post(PATH, typed(phone=f"{device.external_id}.2"))
    message = Message.objects.get()
    assert (message.device, message.is_pinned, message.sim_slot) == (device, True, 2)
    assert list(errors_of(client.post(PATH, typed(phone=foreign.external_id)))) == ["phone"]


def test_suspended_account_sends_nothing(log_in, device):
    change(device.tenant, status="suspended")
    answer = log_in().post(PATH, typed())
    assert (list(errors_of(answer)), Message.objects.count()) == (["__all__"], 0)


def test_again_is_the_same_text_in_a_new_form(log_in, device):
    message = MessageFactory(device=device, status="failed", text="Kept", lane=0)
    client = log_in()
    form = client.get(PATH, {"again": message.external_id}).context["form"]
    assert [form[name].value() for name in ("to", "text", "priority")] == [
        message.recipient,
        "Kept",
        0,
    ]
    assert client.get(PATH, {"again": MessageFactory().external_id}).status_code == 404
    assert client.get(PATH, {"to": "+6581230001"}).context["form"]["to"].value() == "+6581230001"


@pytest.mark.parametrize(("sim_slot", "end"), [(None, ""), (2, ".2")])
def test_again_keeps_the_phone_that_was_chosen(log_in, device, sim_slot, end):
    SimFactory(device=device, slot=2, number="+6598765433")
    message = MessageFactory(device=device, status="failed", is_pinned=True, sim_slot=sim_slot)
    form = log_in().get(PATH, {"again": message.external_id}).context["form"]
    assert form["phone"].value() == f"{device.external_id}{end}"


def test_again_leaves_the_choice_when_nobody_chose(log_in, device):
    message = MessageFactory(device=device, status="failed")
    form = log_in().get(PATH, {"again": message.external_id}).context["form"]
    assert form["phone"].value() == ""


def test_viewers_may_not_write(log_in):
    client = log_in(Role.VIEWER)
    assert client.get(PATH).status_code == 403
    assert client.post(PATH, typed()).status_code == 403
    assert client.post(f"{PATH}/counter", typed()).status_code == 403
    assert client.get(f"{PATH}/find", {"find": "a"}).status_code == 403


def count(client, **fields):
    answer = client.post(f"{PATH}/counter", typed(**fields))
    assert answer.status_code == 200
    return answer.context


def test_counter_counts_as_the_server_sends(log_in):
    context = count(log_in(), text="a" * 161, to="81230001\n+65 8123 0001\n81230002")
    assert (context["size"].segments, context["size"].units_left) == (2, 145)
    assert (context["people"], context["total"]) == (2, 4)
    assert context["parts"] == ["a" * 153, "a" * 8]


def test_counter_names_what_forces_unicode_and_what_it_costs(log_in):
    context = count(log_in(), text="“" + "a" * 100 + "\u200b")
    assert context["forced"] == [
        ("“", "left double quotation mark"),
        ("\u200b", "zero width space"),
    ]
    assert (context["size"].segments, context["plain_segments"]) == (2, 1)


def test_counter_counts_everybody_once(log_in, device):
    group = GroupFactory(tenant=device.tenant)
    for number in ("+6581230001", "+6581230009"):
        group.contacts.add(ContactFactory(tenant=device.tenant, number=number))
    context = count(log_in(), group=group.external_id, to="81230001 , 81230002, abc")
    assert (context["people"], context["unreadable"]) == (4, ["abc"])


def test_counter_answers_an_empty_form(log_in):
    answer = log_in().post(f"{PATH}/counter", {})
    assert (answer.status_code, answer.context["people"]) == (200, 0)


def test_contacts_are_found_by_name_and_number(log_in, device):
    ann = ContactFactory(tenant=device.tenant, name="Ann", number="+6581230001")
    out = ContactFactory(tenant=device.tenant, name="Andy", number="+6581230002")
    ContactFactory(name="Anonymous")
    OptOutFactory(tenant=device.tenant, number=out.number)
    client = log_in()

    def found(text):
        return client.get(f"{PATH}/find", {"find": text}).context["found"]

    assert found("an") == [(out, True), (ann, False)]
    assert found("8123 0001") == [(ann, False)]
    assert (found(""), found("\0"), found("zoe")) == ([], [], [])


@pytest.mark.parametrize("groups", [1, 30])
def test_form_takes_as_many_queries_for_thirty_groups_and_phones(log_in, device, groups):
    client = log_in()
    client.get(PATH)
    with CaptureQueriesContext(connection) as before:
        client.get(PATH)
    GroupFactory.create_batch(groups, tenant=device.tenant)
    DeviceFactory.create_batch(groups, tenant=device.tenant)
    with CaptureQueriesContext(connection) as after:
        client.get(PATH)
    assert len(after) == len(before)
