"""The life of an invitation."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone

from accounts.errors import Forbidden, InvalidInput, NotFound, RateLimited
from accounts.models import Invitation, Membership
from accounts.services.invitations import (
    InvitationEnded,
    MailNotSent,
    WrongPerson,
    accept,
    find_invitation,
    invite,
    open_invitations,
    resend,
    revoke,
)
from accounts.services.members import change_role, remove_member
from accounts.tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role


@pytest.fixture
def alice():
    return MembershipFactory(role=Role.OWNER, user__email="alice@example.com")


def invited(by, email="bob@example.com", role=Role.OPERATOR) -> tuple[Invitation, str]:
    """An invitation and the token of its link."""
    invitation, link = invite(actor=by, email=email, role=role)
    return invitation, token_of(link)


def token_of(link: str) -> str:
    return link.partition("?token=")[2]


def actions(tenant) -> list[str]:
    return list(tenant.audit_entries.order_by("pk").values_list("action", flat=True))


def test_invitation_is_sent_as_text_and_html_and_stored_without_its_token(alice, settings):
    settings.PUBLIC_URL = "https://gateway.example.org"
    invitation, token = invited(alice, email=" Bob@Example.com ")
    (message,) = mail.outbox
    link = f"https://gateway.example.org/join?token={token}"
    (html,) = [content for content, kind in message.alternatives if kind == "text/html"]
    assert (message.to, message.body.count(link), html.count(f'href="{link}"')) == (
        ["bob@example.com"],
        1,
        1,
    )
    assert (invitation.email, token in str(vars(invitation))) == ("bob@example.com", False)
    assert message.extra_headers == {"Sensitivity": "Private"}


def test_invited_person_joins_once_with_the_role(alice):
    _, token = invited(alice)
    bob = UserFactory(email="Bob@example.com")
    membership = accept(token=token, user=bob)
    assert (membership.tenant, membership.role) == (alice.tenant, Role.OPERATOR)
    with pytest.raises(InvitationEnded):
        accept(token=token, user=bob)
    assert actions(alice.tenant) == ["invitation.sent", "member.joined"]


def test_somebody_else_cannot_use_the_link(alice):
    invitation, token = invited(alice)
    with pytest.raises(WrongPerson):
        accept(token=token, user=UserFactory(email="charlie@example.com"))
    assert (alice.tenant.memberships.count(), find_invitation(token)) == (1, invitation)


def test_invitation_expires_after_seven_days_and_can_be_sent_again(alice):
    invitation, token = invited(alice)
    bob = UserFactory(email="bob@example.com")
    Invitation.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    with pytest.raises(InvitationEnded):
        accept(token=token, user=bob)
    assert [row.state for row in open_invitations(alice.tenant)] == [Invitation.State.EXPIRED]
    again = token_of(resend(actor=alice, invitation=invitation))
    with pytest.raises(NotFound):
        accept(token=token, user=bob)
    assert accept(token=again, user=bob).role == Role.OPERATOR


def test_revoked_invitation_is_over(alice):
    invitation, token = invited(alice)
    revoke(actor=alice, invitation=invitation)
    with pytest.raises(InvitationEnded):
        accept(token=token, user=UserFactory(email="bob@example.com"))
    for verb in (revoke, resend):
        with pytest.raises(InvitationEnded):
            verb(actor=alice, invitation=invitation)
    assert invited(alice)[0].state == Invitation.State.OPEN


def test_address_is_invited_once_at_a_time_and_never_as_a_member(alice):
    invited(alice)
    for email, code in (
        ("BOB@example.com", "invited"),
        ("alice@example.com", "is_member"),
        ("nonsense", "invalid_email"),
        ("b" * 250 + "@example.com", "invalid_email"),
    ):
        with pytest.raises(InvalidInput) as refused:
            invited(alice, email=email)
        assert [(issue.path, issue.code) for issue in refused.value.issues] == [("email", code)]
    assert len(mail.outbox) == 1


@pytest.mark.parametrize(
    ("role", "given", "is_allowed"),
    [
        (Role.OWNER, Role.OWNER, True),
        (Role.ADMIN, Role.OWNER, False),
        (Role.ADMIN, Role.ADMIN, True),
        (Role.OPERATOR, Role.VIEWER, False),
        (Role.VIEWER, Role.VIEWER, False),
    ],
)
def test_nobody_invites_above_themselves_or_below_admin(alice, role, given, is_allowed):
    actor = MembershipFactory(tenant=alice.tenant, role=role)
    if is_allowed:
        assert invited(actor, role=given)[0].role == given
    else:
        with pytest.raises(Forbidden):
            invited(actor, role=given)
        assert alice.tenant.invitations.count() == 0


def test_admin_handles_no_invitation_of_an_owner(alice):
    invitation, _ = invited(alice, role=Role.OWNER)
    admin = MembershipFactory(tenant=alice.tenant, role=Role.ADMIN)
    for verb in (revoke, resend):
        with pytest.raises(Forbidden):
            verb(actor=admin, invitation=invitation)


def test_removed_member_cannot_come_back_by_an_invitation_of_their_own(alice):
    admin = MembershipFactory(tenant=alice.tenant, role=Role.ADMIN)
    _, token = invited(admin, email="second@example.com")
    remove_member(actor=alice, member=admin)
    with pytest.raises(InvitationEnded):
        accept(token=token, user=UserFactory(email="second@example.com"))
    with pytest.raises(Forbidden):
        invited(admin)


def test_demoted_owner_leaves_no_invitation_of_an_owner(alice):
    other = MembershipFactory(tenant=alice.tenant, role=Role.OWNER)
    owner, _ = invited(other, email="o@example.com", role=Role.OWNER)
    viewer, _ = invited(other, email="v@example.com", role=Role.VIEWER)
    change_role(actor=alice, member=other, role=Role.ADMIN)
    assert open_invitations(alice.tenant) == [viewer]
    owner.refresh_from_db()
    assert owner.state == Invitation.State.REVOKED


def test_member_keeps_their_role_when_they_accept_another(alice):
    _, token = invited(alice, role=Role.VIEWER)
    bob = UserFactory(email="bob@example.com")
    MembershipFactory(tenant=alice.tenant, user=bob, role=Role.ADMIN)
    assert accept(token=token, user=bob).role == Role.ADMIN


def test_mail_server_that_fails_leaves_an_invitation_to_send_again(alice, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 9
    with pytest.raises(MailNotSent):
        invited(alice)
    assert [row.email for row in open_invitations(alice.tenant)] == ["bob@example.com"]


def test_invitations_of_a_day_are_limited(alice):
    for number in range(50):
        invited(alice, email=f"person{number}@example.com")
    with pytest.raises(RateLimited):
        invited(alice)


def test_unknown_token_is_not_found(alice):
    for token in ("", "join_x", "\x00"):
        with pytest.raises(NotFound):
            find_invitation(token)


@pytest.mark.django_db(transaction=True)
def test_two_clicks_on_one_link_make_one_membership(alice):
    _, token = invited(alice)
    bob = UserFactory(email="bob@example.com")
    barrier, results = Barrier(2), []

    def click() -> None:
        barrier.wait(5)
        try:
            accept(token=token, user=bob)
            results.append("joined")
        except InvitationEnded:
            results.append("ended")
        finally:
            connection.close()

    threads = [Thread(target=click) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert (sorted(results), bob.memberships.count()) == (["ended", "joined"], 1)
