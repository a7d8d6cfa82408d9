"""The pages of conversations: what they show, and what each role does there."""

import pytest

from accounts.models import AuditEntry, Membership
from accounts.tests.factories import MembershipFactory
from devices.models import Device
from devices.tests.factories import DeviceFactory
from messaging.conversations import PAGE
from messaging.events import ConversationChanged
from messaging.models import CannedReply, Conversation, ConversationNote, Message, OptOut
from messaging.tests import listening
from messaging.tests.factories import (
    ContactFactory,
    ConversationFactory,
    MessageFactory,
    OptOutFactory,
    change,
)

pytestmark = pytest.mark.django_db

Role = Membership.Role
NUMBER = "+6581239999"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def tenant(device):
    return device.tenant


@pytest.fixture
def log_in(client, tenant):
    def as_member(role=Role.OPERATOR):
        member = MembershipFactory(tenant=tenant, role=role)
        client.force_login(member.user)
        return member

    return as_member


def test_list_shows_the_tenants_conversations_alone(client, log_in, tenant):
    log_in(Role.VIEWER)
    mine = ConversationFactory(tenant=tenant)
    ConversationFactory()
    answer = client.get("/conversations")
    assert (answer.status_code, answer.context["rows"]) == (200, [mine])


def test_empty_list_says_what_comes_here(client, log_in):
    log_in(Role.VIEWER)
    assert client.get("/conversations").content.decode().count("No conversations yet") == 1


@pytest.mark.parametrize("count", [1, PAGE])
def test_list_takes_as_many_queries_for_one_row_as_for_a_page(
    client, log_in, tenant, count, django_assert_num_queries
):
    member = log_in()
    for row in ConversationFactory.create_batch(count, tenant=tenant, assigned_to=member.user):
        ContactFactory(tenant=tenant, number=row.number)
    # Session, user, membership (two), other tenants, the list, how many are unread.
    with django_assert_num_queries(7):
        answer = client.get("/conversations")
    assert len(answer.context["rows"]) == count


@pytest.mark.parametrize("count", [1, 30])
def test_thread_takes_as_many_queries_for_one_text_as_for_many(
    client, log_in, tenant, device, count, django_assert_num_queries
):
    log_in()
    MessageFactory.create_batch(count, device=device, recipient=NUMBER)
    ContactFactory(tenant=tenant, number=NUMBER)
    # The list's 7, three of entries, the conversation, the contact, its groups, the opt-out, team.
    with django_assert_num_queries(15):
        answer = client.get(f"/conversations/{NUMBER}")
    assert len(answer.context["entries"]) == count


def test_live_rows_are_those_that_moved(client, log_in, tenant):
    log_in(Role.VIEWER)
    since = ConversationFactory(tenant=tenant).activity_id
    path = f"/conversations?since={since}"
    headers = HTMX | {"HX-Target": "conversation-rows"}
    fresh = ConversationFactory(tenant=tenant)
    answer = client.get(path, headers=headers)
    assert (answer.context["rows"][0], answer.context["since"]) == (fresh, fresh.activity_id)
    Conversation.objects.all().delete()
    assert client.get(path, headers=headers).status_code == 204


def test_more_rows_follow_the_cursor(client, log_in, tenant):
    log_in(Role.VIEWER)
    rows = ConversationFactory.create_batch(PAGE + 1, tenant=tenant)
    following = client.get("/conversations").context["following"]
    answer = client.get(
        f"/conversations?cursor={following}", headers=HTMX | {"HX-Target": "conversation-rows-more"}
    )
    assert (answer.context["rows"], answer.templates[0].name) == (
        rows[:1],
        "conversations/_rows.html",
    )


def test_pane_is_a_fragment_for_htmx_and_a_page_when_going_back(client, log_in, device):
    log_in(Role.VIEWER)
    MessageFactory(device=device, recipient=NUMBER)
    headers = HTMX | {"HX-Target": "thread"}
    back = headers | {"HX-History-Restore-Request": "true"}
    path = f"/conversations/{NUMBER}"
    assert client.get(path, headers=headers).templates[0].name == "conversations/_thread.html"
    assert client.get(path, headers=back).templates[0].name == "conversations/conversations.html"


def test_number_as_people_write_it_leads_to_its_thread(client, log_in):
    log_in(Role.VIEWER)
    assert client.get("/conversations/8123 9999").url == f"/conversations/{NUMBER}"


def test_name_that_never_wrote_has_no_thread(client, log_in):
    log_in(Role.VIEWER)
    assert client.get("/conversations/Nobody").status_code == 404


@pytest.mark.parametrize("name", ["DBS-Bank", "A/B ?#%", "rows"])
def test_names_can_be_read_and_not_answered(client, log_in, device, name):
    log_in()
    MessageFactory(device=device, inbound=True, sender=name)
    ConversationFactory(tenant=device.tenant, number=name)
    link = client.get("/conversations").content.decode().partition('href="/conversations/')[2]
    answer = client.get(f"/conversations/{link.partition(chr(34))[0]}")
    assert answer.context["number"] == name
    assert answer.content.decode().count("cannot be answered") == 1


def test_text_that_is_not_kept_says_so(client, log_in, device):
    log_in(Role.VIEWER)
    MessageFactory(device=device, inbound=True, sender=NUMBER, text="")
    answer = client.get(f"/conversations/{NUMBER}")
    assert answer.content.decode().count("Text not kept") == 1


def test_nothing_of_another_tenant_is_in_a_thread(client, log_in):
    log_in()
    theirs = MessageFactory(recipient=NUMBER)
    row = ConversationFactory(tenant=theirs.tenant, number=NUMBER)
    ConversationNote.objects.create(conversation=row, author_name="x", text="Theirs")
    OptOutFactory(tenant=theirs.tenant, number=NUMBER)
    answer = client.get(f"/conversations/{NUMBER}")
    assert (answer.context["entries"], answer.context["person"].opt_out) == ([], None)
    assert client.get(f"/threads/status/{theirs.external_id}").status_code == 404
    assert client.get(f"/threads/row/{row.pk}").status_code == 404


@pytest.mark.parametrize(("status", "asks_again"), [("queued", 1), ("delivered", 0)])
def test_status_is_looked_at_again_until_it_settles(client, log_in, device, status, asks_again):
    log_in(Role.VIEWER)
    message = MessageFactory(device=device, recipient=NUMBER, status=status)
    for path in (f"/conversations/{NUMBER}", f"/threads/status/{message.external_id}"):
        page = client.get(path).content.decode()
        assert page.count(f"live:{message.external_id} ") == asks_again


@pytest.mark.parametrize("origin", ["rule", "keyword"])
def test_answers_of_machines_are_marked(client, log_in, device, origin):
    log_in(Role.VIEWER)
    MessageFactory(device=device, recipient=NUMBER, origin=origin)
    answer = client.get(f"/conversations/{NUMBER}")
    assert answer.content.decode().count('class="entry-label"') == 1


def test_newer_texts_come_with_their_position(client, log_in, device):
    log_in(Role.VIEWER)
    seen = MessageFactory(device=device, recipient=NUMBER)
    fresh = MessageFactory(device=device, inbound=True, sender=NUMBER)
    answer = client.get(f"/threads/newer/{NUMBER}?after={seen.public_id}")
    assert answer.context["entries"][-1].message == fresh
    assert answer.context["after"] == fresh.public_id


def test_reply_is_queued_and_the_box_is_empty_again(client, log_in, tenant):
    log_in()
    answer = client.post(f"/threads/reply/{NUMBER}", {"text": "Hello"})
    sent = Message.objects.get()
    assert (sent.recipient, sent.text, sent.origin) == (NUMBER, "Hello", "dashboard")
    assert (answer.status_code, answer.headers["HX-Trigger"]) == (200, "thread-changed")
    assert answer.context["reply_form"].is_bound is False
    assert answer.content.decode().count(" autofocus") == 1


@pytest.mark.parametrize(
    ("text", "field"), [("", "text"), ("x" * 1601, "text"), ("Hello", "__all__")]
)
def test_reply_that_is_refused_stays_in_the_box(client, log_in, device, text, field):
    log_in()
    change(device, status=Device.Status.PAUSED)
    answer = client.post(f"/threads/reply/{NUMBER}", {"text": text})
    form = answer.context["reply_form"]
    assert (answer.status_code, list(form.errors), form.data["text"]) == (422, [field], text)
    assert Message.objects.count() == 0


def test_reply_to_who_opted_out_is_refused_with_the_way_out(client, log_in, tenant):
    log_in()
    OptOutFactory(tenant=tenant, number=NUMBER)
    answer = client.post(f"/threads/reply/{NUMBER}", {"text": "Hello"})
    assert (answer.status_code, Message.objects.count()) == (422, 0)
    assert answer.content.decode().count("writes START") == 1
    page = client.get(f"/conversations/{NUMBER}").content.decode()
    assert (page.count("has opted out"), page.count('id="reply_text"')) == (1, 0)


def test_seen_thread_is_read_by_post_alone(client, log_in, device, tenant):
    log_in()
    message = MessageFactory(device=device, inbound=True, sender=NUMBER)
    row = ConversationFactory(tenant=tenant, number=NUMBER, unread=1)
    client.get(f"/conversations/{NUMBER}")
    row.refresh_from_db()
    assert row.unread == 1
    assert client.post(f"/threads/read/{NUMBER}", {"after": message.public_id}).status_code == 204
    row.refresh_from_db()
    assert row.unread == 0


def test_operators_assign_and_note(client, log_in):
    member = log_in()
    client.post(f"/threads/assign/{NUMBER}", {"member": member.user_id})
    answer = client.post(f"/threads/note/{NUMBER}", {"text": "Call back"})
    assert Conversation.objects.get().assigned_to == member.user
    assert ConversationNote.objects.get().author == member.user
    assert answer.headers["HX-Trigger"] == "thread-changed"


def test_thread_follows_an_assignment_by_somebody_else(client, log_in, tenant):
    member = log_in()
    row = ConversationFactory(tenant=tenant, number=NUMBER, assigned_to=member.user)
    assigned = f"/threads/assigned/{NUMBER}"
    unchanged = client.get(assigned, {"member": member.user_id})
    changed = client.get(assigned, {"member": ""})
    assert (unchanged.status_code, changed.status_code) == (204, 200)
    assert f'value="{member.user_id}" selected' in changed.content.decode()
    row.delete()
    assert client.get(assigned, {"member": ""}).status_code == 204


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("reply", {"text": "Hello"}),
        ("note", {"text": "Call back"}),
        ("assign", {"member": ""}),
        ("read", {"after": "01990000-0000-7000-8000-000000000000"}),
    ],
)
def test_colleagues_hear_of_what_is_done_in_a_conversation(
    client, log_in, device, published, path, data
):
    log_in()
    MessageFactory(device=device, inbound=True, sender=NUMBER)
    row = ConversationFactory(tenant=device.tenant, number=NUMBER, unread=2)
    client.post(f"/threads/{path}/{NUMBER}", data)
    assert listening.heard == [ConversationChanged(device.tenant_id, row.pk)]


def test_stranger_cannot_be_assigned(client, log_in):
    log_in()
    stranger = MembershipFactory().user
    answer = client.post(f"/threads/assign/{NUMBER}", {"member": stranger.pk})
    assert (answer.status_code, Conversation.objects.count()) == (422, 0)


def test_number_is_opted_out_by_operators_and_let_in_by_admins(client, log_in, tenant):
    log_in()
    client.post(f"/threads/opt-out/{NUMBER}")
    assert OptOut.objects.get().source == "dashboard"
    assert client.post(f"/threads/let-in/{NUMBER}").status_code == 403
    admin = log_in(Role.ADMIN)
    assert client.post(f"/threads/let-in/{NUMBER}").status_code == 200
    assert OptOut.objects.count() == 0
    entry = AuditEntry.objects.get(tenant=tenant, action="opt_out.removed")
    assert (entry.actor, entry.target) == (admin.user, NUMBER)


@pytest.mark.parametrize(
    "path", ["reply", "note", "read", "assign", "opt-out", "edit-saved", "delete-saved"]
)
def test_viewers_only_read(client, log_in, path):
    log_in(Role.VIEWER)
    assert client.post(f"/threads/{path}/{NUMBER}").status_code == 403


def test_viewers_have_nothing_to_write_in(client, log_in):
    log_in(Role.VIEWER)
    page = client.get(f"/conversations/{NUMBER}").content.decode()
    assert (page.count("<textarea"), page.count("data-seen")) == (0, 0)


def test_saved_replies_are_kept_filled_in_changed_and_deleted(client, log_in, tenant):
    log_in()
    ContactFactory(tenant=tenant, number=NUMBER, name="Ana", fields={"city": "Bern"})
    edit, delete = f"/threads/edit-saved/{NUMBER}", f"/threads/delete-saved/{NUMBER}"
    text = "Hi {{name}} in {{city}}"
    answer = client.post(edit, {"title": "Greeting", "text": text})
    canned = CannedReply.objects.get()
    assert answer.context["canned"] == [(canned, "Hi Ana in Bern")]
    client.post(f"{edit}?id={canned.external_id}", {"title": "Hello", "text": "Hi"})
    canned.refresh_from_db()
    assert (canned.title, canned.text) == ("Hello", "Hi")
    client.post(f"{delete}?id={canned.external_id}")
    assert CannedReply.objects.count() == 0


def test_saved_reply_with_a_title_that_is_taken_keeps_what_was_typed(client, log_in, tenant):
    log_in()
    CannedReply.objects.create(tenant=tenant, title="Hello", text="Hi")
    typed = {"title": "Hello", "text": "Other"}
    answer = client.post(f"/threads/edit-saved/{NUMBER}", typed)
    form = answer.context["form"]
    assert (answer.status_code, form.data.dict()) == (422, typed)


def test_saved_reply_of_another_tenant_does_not_exist(client, log_in):
    log_in()
    theirs = CannedReply.objects.create(tenant=MembershipFactory().tenant, title="A", text="B")
    path = f"/threads/delete-saved/{NUMBER}?id={theirs.external_id}"
    assert client.post(path).status_code == 404


def test_counter_says_how_many_texts_it_becomes(client, log_in):
    log_in()
    answer = client.post("/threads/segments", {"text": "ж" * 71})
    assert answer.context["segmentation"].segments == 2
