"""Conversations as rows and as threads: what comes in, and what the team does."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.errors import InvalidInput, TenantInactive
from accounts.ids import first_id_of, new_id
from accounts.models import Tenant
from accounts.tests.factories import MembershipFactory, UserFactory
from devices.tests.factories import DeviceFactory
from messaging.conversations import (
    ENTRIES,
    PAGE,
    conversations_for,
    entries_before,
    entries_since,
    moved_since,
    narrowed,
    page_of_conversations,
    position,
)
from messaging.errors import NoActiveDevice, RecipientOptedOut
from messaging.models import Conversation, Message
from messaging.search import number_starts
from messaging.services.conversations import PREVIEW, add_note, assign, mark_read, reply
from messaging.services.inbound import InboundText, receive_message
from messaging.services.outbound import queue_message
from messaging.tests.factories import (
    ContactFactory,
    ConversationFactory,
    MessageFactory,
    OptOutFactory,
    change,
    draft,
)

pytestmark = pytest.mark.django_db

NUMBER = "+6581239999"


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def tenant(device):
    return device.tenant


def receive(device, text="Hi", key="1", sender=NUMBER) -> Message | None:
    return receive_message(device=device, inbound=InboundText(key=key, sender=sender, text=text))


def only() -> Conversation:
    return Conversation.objects.get()


def test_inbound_text_makes_a_conversation_and_the_next_moves_it(device, tenant):
    first = receive(device, "One", "1")
    assert (only().activity_id, only().unread) == (first.public_id, 1)
    second = receive(device, "Two", "2")
    row = only()
    assert (row.tenant, row.number, row.activity_id) == (tenant, NUMBER, second.public_id)
    assert (row.last_text, row.last_direction, row.unread) == ("Two", "inbound", 2)
    assert row.last_message_at == second.created_at


def test_inbound_text_that_is_repeated_counts_once(device):
    receive(device)
    assert receive(device) is None
    assert only().unread == 1


def test_inbound_text_without_a_sender_makes_no_conversation(device):
    receive(device, sender="")
    assert Conversation.objects.count() == 0


def test_inbound_text_is_not_kept_where_the_tenant_keeps_none(device, tenant):
    change(tenant, keep_inbound=False)
    receive(device, "Secret")
    assert (only().last_text, only().last_direction) == ("", "inbound")


def test_long_inbound_text_is_cut_to_a_preview(device):
    receive(device, "x" * 500)
    assert only().last_text == "x" * PREVIEW


def test_program_that_sends_makes_no_conversation(tenant):
    queue_message(tenant=tenant, draft=draft(NUMBER), origin=Message.Origin.API)
    assert Conversation.objects.count() == 0


def test_reply_goes_first_through_the_phone_of_the_conversation_and_moves_it(device, tenant):
    DeviceFactory(tenant=tenant, is_default=True)
    receive(device)
    queued = reply(tenant=tenant, number=NUMBER, text="Hello")
    sent = Message.objects.get(public_id=queued.public_id)
    assert (sent.device, sent.origin, sent.lane) == (device, "dashboard", Message.Lane.URGENT)
    row = only()
    assert (row.activity_id, row.last_message_at) == (queued.public_id, queued.created_at)
    assert (row.last_text, row.last_direction, row.unread) == ("Hello", "outbound", 1)


@pytest.mark.parametrize(
    ("columns", "refusal"),
    [
        ({}, RecipientOptedOut),
        ({"status": Tenant.Status.SUSPENDED}, TenantInactive),
    ],
)
def test_reply_that_is_refused_leaves_no_trace(tenant, columns, refusal):
    change(tenant, **columns)
    OptOutFactory(tenant=tenant, number=NUMBER)
    with pytest.raises(refusal):
        reply(tenant=tenant, number=NUMBER, text="Hello")
    assert (Conversation.objects.count(), Message.objects.count()) == (0, 0)


def test_reply_without_a_phone_is_refused(tenant, device):
    change(device, last_seen_at=None)
    with pytest.raises(NoActiveDevice):
        reply(tenant=tenant, number=NUMBER, text="Hello")


def test_mark_read_leaves_what_came_after_unread(device, tenant):
    seen = receive(device, key="1")
    receive(device, key="2")
    assert mark_read(tenant=tenant, number=NUMBER, seen=seen.public_id)
    assert only().unread == 1
    assert mark_read(tenant=tenant, number=NUMBER, seen=new_id())
    assert only().unread == 0
    assert not mark_read(tenant=tenant, number=NUMBER, seen=new_id())


def test_assign_takes_members_only(tenant):
    member = MembershipFactory(tenant=tenant).user
    assign(tenant=tenant, number=NUMBER, member=member)
    with pytest.raises(InvalidInput):
        assign(tenant=tenant, number=NUMBER, member=UserFactory())
    assert only().assigned_to == member
    assign(tenant=tenant, number=NUMBER, member=None)
    assert only().assigned_to is None


def test_note_is_in_the_thread_and_sends_nothing(tenant):
    author = MembershipFactory(tenant=tenant).user
    note = add_note(tenant=tenant, number=NUMBER, author=author, text=" Call back \n")
    (entry,) = entries_before(tenant, NUMBER, None)[0]
    assert (entry.note, note.text, note.author_name) == (note, "Call back", author.email)
    assert Message.objects.count() == 0


@pytest.mark.parametrize("text", ["", " ", "x" * 2001])
def test_note_of_a_bad_length_is_refused(tenant, text):
    with pytest.raises(InvalidInput):
        add_note(tenant=tenant, number=NUMBER, author=UserFactory(), text=text)


def test_thread_has_both_directions_of_its_number_alone_oldest_first(device, tenant):
    incoming = MessageFactory(device=device, inbound=True, sender=NUMBER)
    outgoing = MessageFactory(device=device, recipient=NUMBER)
    MessageFactory(device=device, inbound=True, recipient=NUMBER)  # to a SIM that has the number
    MessageFactory(device=device)
    MessageFactory(recipient=NUMBER)  # another tenant's
    entries, has_earlier = entries_before(tenant, NUMBER, None)
    assert ([entry.message for entry in entries], has_earlier) == ([incoming, outgoing], False)


def test_thread_goes_up_page_by_page(device, tenant):
    sent = MessageFactory.create_batch(ENTRIES + 3, device=device, recipient=NUMBER)
    last, has_earlier = entries_before(tenant, NUMBER, None)
    first, has_still_earlier = entries_before(tenant, NUMBER, last[0].public_id)
    assert [entry.message for entry in first + last] == sent
    assert (has_earlier, has_still_earlier) == (True, False)


def test_newer_entries_begin_a_little_before_what_was_seen(device, tenant):
    now = timezone.now()
    ages = (60, 5, 0)
    _, late, newest = (
        MessageFactory(
            device=device,
            recipient=NUMBER,
            public_id=first_id_of(now - timedelta(seconds=age)),
            created_at=now - timedelta(seconds=age),
        )
        for age in ages
    )
    entries = entries_since(tenant, NUMBER, newest.public_id)
    assert [entry.message for entry in entries] == [late, newest]


@pytest.mark.parametrize(
    ("zone", "opened"), [("UTC", [True, False]), ("Asia/Singapore", [True, True])]
)
def test_days_of_a_thread_are_those_of_the_zone(device, tenant, zone, opened):
    evening = timezone.now().replace(hour=15, minute=59) - timedelta(days=2)
    for at in (evening, evening + timedelta(minutes=2)):
        MessageFactory(device=device, recipient=NUMBER, created_at=at, public_id=first_id_of(at))
    with timezone.override(zone):
        entries, _ = entries_before(tenant, NUMBER, None)
    assert [entry.opens_day for entry in entries] == opened


def test_list_is_by_activity_page_by_page_with_names(tenant):
    rows = ConversationFactory.create_batch(PAGE + 2, tenant=tenant)
    ContactFactory(tenant=tenant, number=rows[-1].number, name="Ana")
    ConversationFactory()  # another tenant's
    first, following = page_of_conversations(conversations_for(tenant), before=None)
    second, end = page_of_conversations(conversations_for(tenant), before=following)
    assert (first + second, end) == (rows[::-1], None)
    assert [row.name for row in first[:2]] == ["Ana", None]


def test_rows_that_moved_are_those_since_the_newest_shown(tenant):
    now = timezone.now()
    ConversationFactory(tenant=tenant, activity_id=first_id_of(now - timedelta(minutes=5)))
    shown = ConversationFactory(tenant=tenant, activity_id=first_id_of(now))
    fresh = ConversationFactory(tenant=tenant)
    assert moved_since(conversations_for(tenant), shown.activity_id) == ([fresh, shown], True)


@pytest.mark.parametrize(
    ("show", "text", "found"),
    [
        ("all", "", ["mine", "unread", "named"]),
        ("unread", "", ["unread"]),
        ("mine", "", ["mine"]),
        ("unassigned", "", ["unread", "named"]),
        ("all", "an", ["named"]),
        ("all", "8111 1", ["mine"]),
        ("all", "+65811", ["mine"]),
        ("mine", "an", []),
        ("all", "%", []),
    ],
)
def test_list_is_narrowed(tenant, show, text, found):
    user = UserFactory()
    rows = {
        "mine": ConversationFactory(tenant=tenant, number="+6581111111", assigned_to=user),
        "unread": ConversationFactory(tenant=tenant, number="+6582222222", unread=1),
        "named": ConversationFactory(tenant=tenant, number="+6583333333"),
    }
    ContactFactory(tenant=tenant, number="+6583333333", name="Ana")
    shown = narrowed(conversations_for(tenant), tenant=tenant, user=user, show=show, text=text)
    assert set(shown) == {rows[name] for name in found}


@pytest.mark.parametrize(
    ("typed", "country", "starts"),
    [
        ("8123", "SG", ["+658123", "+8123", "8123"]),
        ("0171 23", "DE", ["+017123", "+4917123", "0171 23", "017123"]),
        ("+65 81", "", ["+65 81", "+6581"]),
        ("Ana", "SG", ["Ana"]),
        ("0", "SG", ["+0", "0"]),
    ],
)
def test_number_starts_as_people_type_it(typed, country, starts):
    assert number_starts(typed, country) == starts


@pytest.mark.parametrize("text", ["", "nonsense", "ffffffff-ffff-7fff-bfff-ffffffffffff", "0" * 33])
def test_position_that_no_page_made_is_none(text):
    assert position(text) is None
