"""Pages of people, accounts and teams."""

from django.urls import path

from accounts.pages import account, join, team, welcome

urlpatterns = [
    path("welcome", welcome.welcome, name="welcome"),
    path("switch/<str:tenant_id>", welcome.switch, name="switch-tenant"),
    path("join", join.join, name="join"),
    path("account", account.account, name="account"),
    path("team", team.team, name="team"),
    path("team/invitations", team.send_invitation, name="team-invite"),
    path("team/invitations/<str:invitation_id>/resend", team.resend_invitation, name="team-resend"),
    path("team/invitations/<str:invitation_id>/revoke", team.revoke_invitation, name="team-revoke"),
    path("team/members/<int:member_id>", team.member, name="team-member"),
    path("team/members/<int:member_id>/remove", team.remove, name="team-remove"),
]
