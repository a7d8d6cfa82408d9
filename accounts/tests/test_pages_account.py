"""One's own login."""

import re
from datetime import UTC, datetime

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.usersessions.models import UserSession
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_page_is_in_the_frame_of_the_account_or_of_none(client):
    lonely, member = UserFactory(), MembershipFactory()
    frames = []
    for user in (lonely, member.user):
        client.force_login(user)
        frames.append([client.get(path).context["frame"] for path in ("/account", SESSIONS)])
    assert frames == [["entrance.html"] * 2, ["app.html"] * 2]


SESSIONS = "/accounts/sessions/"


def test_owner_is_advised_to_turn_on_the_second_step(client):
    owner = MembershipFactory().user
    client.force_login(owner)
    before = client.get("/account").context
    TOTP.activate(owner, generate_totp_secret())
    RecoveryCodes.activate(owner)
    after = client.get("/account").context
    assert (before["advise_second_factor"], before["codes_left"]) == (True, 0)
    assert (after["advise_second_factor"], after["codes_left"]) == (False, 10)


def test_google_is_offered_where_it_is_set_up(client, settings):
    client.force_login(UserFactory())
    assert client.get("/account").context["google_is_offered"] is False
    settings.SOCIALACCOUNT_PROVIDERS = {"google": {"APPS": [{"client_id": "x", "secret": "y"}]}}
    assert client.get("/account").context["google_is_offered"] is True


def logged_in(user) -> Client:
    """A browser in which `user` is logged in, listed as allauth lists it."""
    client = Client()
    client.force_login(user)
    key = client.session.session_key
    UserSession.objects.create(user=user, session_key=key, ip="203.0.113.1")
    return client


def test_page_asks_as_often_for_thirty_as_for_one(client):
    user = UserFactory()
    client.force_login(user)
    counts, browsers = [], []
    for size in (1, 29):
        for _ in range(size):
            MembershipFactory(user=user)
            logged_in(user)
        with CaptureQueriesContext(connection) as queries:
            browsers.append(client.get("/account").context["sessions"])
        counts.append(len(queries))
    assert (browsers, counts[0] == counts[1]) == ([1, 30], True)


def test_browser_that_logged_out_is_counted_no_more(client):
    user = UserFactory()
    client.force_login(user)
    other = logged_in(user)
    before = client.get("/account").context["sessions"]
    other.logout()
    assert (before, client.get("/account").context["sessions"]) == (1, 0)


def test_sessions_are_told_in_the_time_of_the_account():
    lonely, member = UserFactory(), MembershipFactory(tenant__time_zone="Asia/Kolkata")
    told = []
    for user in (lonely, member.user):
        browser = logged_in(user)
        since = datetime(2026, 1, 31, 20, 0, tzinfo=UTC)
        UserSession.objects.filter(user=user).update(created_at=since)
        page = browser.get(SESSIONS).content.decode()
        told.append(re.findall(r">(2026-[^<]+)</time>", page))
    assert told == [["2026-01-31 20:00:00"], ["2026-02-01 01:30:00"]]


def test_page_needs_a_login(client):
    assert client.get("/account").headers["Location"] == "/accounts/login/?next=/account"
