"""The pages of the team, and the page behind an invitation."""

from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Invitation, Membership
from accounts.services.invitations import invite, revoke
from accounts.tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role


@pytest.fixture
def alice():
    return MembershipFactory(role=Role.OWNER, user__email="alice@example.com")


@pytest.fixture
def log_in(client, alice):
    """A function that logs in a member of Alice's team, with a role."""

    def as_member(role=Role.ADMIN) -> Membership:
        member = MembershipFactory(tenant=alice.tenant, role=role)
        client.force_login(member.user)
        return member

    return as_member


def link_to(alice, email="bob@example.com") -> str:
    _, link = invite(actor=alice, email=email, role=Role.OPERATOR)
    return link[link.index("/join") :]


def test_viewer_sees_the_team_and_changes_nothing(client, alice, log_in):
    me = log_in(Role.VIEWER)
    page = client.get("/team")
    open_rows = {row.pk for row, is_open, _ in page.context["rows"] if is_open}
    assert (open_rows, page.context["invitations"]) == ({me.pk}, [])
    assert b'id="invite"' not in page.content
    asked = {"email": "bob@example.com", "role": "viewer"}
    assert client.post("/team/invitations", asked).status_code == 403
    assert client.post(f"/team/members/{alice.pk}", {"role": "viewer"}).status_code == 422
    alice.refresh_from_db()
    assert (alice.role, Invitation.objects.count()) == (Role.OWNER, 0)


@pytest.mark.parametrize("is_delivered", [True, False])
def test_link_is_shown_once_only_where_no_mail_is_delivered(client, log_in, settings, is_delivered):
    settings.MAIL_IS_DELIVERED = is_delivered
    log_in()
    client.post("/team/invitations", {"email": "bob@example.com", "role": "operator"})
    shown = [client.get("/team").context["link"] is not None for _ in range(2)]
    assert (shown, len(mail.outbox)) == ([not is_delivered, False], 1)


def test_invitation_that_is_refused_keeps_what_was_typed(client, alice, log_in):
    log_in()
    asked = {"email": alice.user.email, "role": "viewer"}
    answer = client.post("/team/invitations", asked)
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors)) == (422, ["email"])
    assert (form["email"].value(), form["role"].value()) == (alice.user.email, "viewer")


def test_admin_is_not_offered_the_role_of_an_owner(client, log_in):
    log_in(Role.ADMIN)
    roles = [role for role, _ in client.get("/team").context["form"].fields["role"].choices]
    answer = client.post("/team/invitations", {"email": "bob@example.com", "role": "owner"})
    assert (roles, list(answer.context["form"].errors)) == (
        ["admin", "operator", "viewer"],
        ["role"],
    )


def test_invitation_is_sent_again_and_withdrawn(client, alice, log_in):
    log_in()
    invitation, _ = invite(actor=alice, email="bob@example.com", role=Role.VIEWER)
    client.post(f"/team/invitations/{invitation.external_id}/resend")
    client.post(f"/team/invitations/{invitation.external_id}/revoke")
    invitation.refresh_from_db()
    assert (len(mail.outbox), invitation.state) == (2, Invitation.State.REVOKED)


def test_what_is_of_another_tenant_is_not_found(client, log_in):
    log_in(Role.OWNER)
    foreign = MembershipFactory(role=Role.OWNER)
    invitation, _ = invite(actor=foreign, email="bob@example.com", role=Role.VIEWER)
    for verb in ("resend", "revoke"):
        path = f"/team/invitations/{invitation.external_id}/{verb}"
        assert client.post(path).status_code == 404
    asked = {"email": foreign.user.email, "role": "viewer"}
    for path in (f"/team/members/{foreign.pk}", f"/team/members/{foreign.pk}/remove"):
        assert client.post(path, asked).status_code == 404
    assert Membership.objects.filter(pk=foreign.pk, role=Role.OWNER).exists()


def test_role_is_changed(client, alice):
    viewer = MembershipFactory(tenant=alice.tenant, role=Role.VIEWER)
    client.force_login(alice.user)
    answer = client.post(f"/team/members/{viewer.pk}", {"role": "admin"})
    viewer.refresh_from_db()
    assert (answer.headers["Location"], viewer.role) == ("/team", Role.ADMIN)


def test_last_owner_is_told_why_they_stay(client, alice):
    client.force_login(alice.user)
    demoted = client.post(f"/team/members/{alice.pk}", {"role": "viewer"})
    left = client.post(f"/team/members/{alice.pk}/remove", {"email": alice.user.email})
    text = "An account needs an owner. Make somebody else an owner first."
    assert (demoted.context["form"].non_field_errors(), left.context["refused"]) == ([text], text)
    assert (demoted.status_code, left.status_code) == (422, 422)


def test_member_is_removed_once_the_address_is_typed(client, alice):
    bob = MembershipFactory(tenant=alice.tenant, role=Role.ADMIN)
    client.force_login(alice.user)
    path = f"/team/members/{bob.pk}/remove"
    statuses = [client.post(path, {"email": typed}).status_code for typed in ("", bob.user.email)]
    assert (statuses, alice.tenant.memberships.count()) == ([422, 302], 1)


def test_removed_member_sees_the_next_account_or_none(client, alice, log_in):
    bob = log_in(Role.ADMIN)
    assert client.get("/team").status_code == 200
    bob.delete()
    assert client.get("/team").headers["Location"] == "/welcome"
    other = MembershipFactory(user=bob.user)
    assert client.get("/team").context["tenant"] == other.tenant


def test_team_asks_as_often_for_thirty_as_for_one(client, alice):
    client.force_login(alice.user)
    counts = []
    for size in (1, 29):
        for number in range(size):
            MembershipFactory(tenant=alice.tenant, role=Role.VIEWER)
            invite(actor=alice, email=f"p{size}-{number}@example.com", role=Role.VIEWER)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get("/team").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_invited_member_joins_and_sees_the_account(client, alice):
    path, bob = link_to(alice), UserFactory(email="bob@example.com")
    client.force_login(bob)
    page = client.get(path)
    answer = client.post("/join", {"token": path.partition("=")[2]})
    assert (page.context["is_theirs"], answer.status_code) == (True, 302)
    assert (bob.tenants.get(), client.get("/team").context["tenant"]) == (
        alice.tenant,
        alice.tenant,
    )


def test_looking_at_the_link_joins_nobody(client, alice):
    path, bob = link_to(alice), UserFactory(email="bob@example.com")
    client.force_login(bob)
    client.get(path)
    assert bob.tenants.count() == 0


def test_wrong_person_is_told_and_does_not_join(client, alice):
    path, charlie = link_to(alice), UserFactory(email="charlie@example.com")
    client.force_login(charlie)
    page = client.get(path)
    answer = client.post("/join", {"token": path.partition("=")[2]})
    assert (page.context["is_theirs"], answer.status_code) == (False, 403)
    assert charlie.tenants.count() == 0


def test_link_that_has_ended_says_why(client, alice):
    path = link_to(alice)
    assert client.get("/join?token=nonsense").status_code == 404
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    expired = client.get(path)
    revoke(actor=alice, invitation=Invitation.objects.get())
    revoked = client.get(path)
    assert [(page.status_code, page.context["ended"]) for page in (expired, revoked)] == [
        (410, "It was good for seven days, and they are over."),
        (410, "It was withdrawn."),
    ]
