"""Getting a login, and getting in with it."""

import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import (
    TOTP,
    format_hotp_value,
    generate_totp_secret,
    hotp_value,
)
from django.core import mail
from django.urls import reverse

from accounts.models import Membership, Tenant, User
from accounts.services.invitations import invite
from accounts.tests.factories import MembershipFactory, UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "correct horse battery"
GOOGLE = {"google": {"APPS": [{"client_id": "x", "secret": "y"}]}}


def sign_up(client, email="nina@example.com", **more):
    return client.post("/accounts/signup/", {"email": email, "password1": PASSWORD} | more)


def log_in(client, email="nina@example.com", password=PASSWORD, **more):
    return client.post("/accounts/login/", {"login": email, "password": password}, **more)


def person(email="nina@example.com", **fields) -> User:
    user = UserFactory(email=email, **fields)
    user.set_password(PASSWORD)
    user.save()
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def totp_of(secret: str, at: datetime) -> str:
    return format_hotp_value(hotp_value(secret, int(at.timestamp()) // 30))


def test_sign_up_leads_to_an_account_of_one_s_own(client):
    assert sign_up(client).headers["Location"] == "/welcome"
    asked = {"name": "Nina's bakery", "country": "", "time_zone": "UTC"}
    assert client.post("/welcome", asked).headers["Location"] == "/start"
    assert Tenant.objects.get().members.get().email == "nina@example.com"


def test_closed_sign_up_makes_no_login(client, settings):
    settings.SIGN_UP_IS_OPEN = False
    page = client.get("/accounts/signup/")
    sign_up(client)
    assert ([t.name for t in page.templates][0], User.objects.count()) == (
        "account/signup_closed.html",
        0,
    )


@pytest.mark.parametrize("is_delivered", [True, False])
def test_invited_person_signs_up_while_it_is_closed(client, settings, is_delivered):
    settings.SIGN_UP_IS_OPEN, settings.MAIL_IS_DELIVERED = False, is_delivered
    alice = MembershipFactory()
    _, link = invite(actor=alice, email="bob@example.com", role=Membership.Role.VIEWER)
    path = link[link.index("/join") :]
    client.get(path)
    answer = sign_up(client, email="mallory@example.com", next=path)
    bob = EmailAddress.objects.get()
    # A link that the inviter handed on proves no address.
    assert (answer.headers["Location"], bob.email, bob.verified) == (
        path,
        "bob@example.com",
        is_delivered,
    )
    client.post("/join", {"token": path.partition("=")[2]})
    assert bob.user.tenants.get() == alice.tenant
    client.logout()
    assert sign_up(client, email="charlie@example.com").status_code == 200
    assert User.objects.filter(email="charlie@example.com").count() == 0


def test_with_a_mail_server_the_address_is_confirmed_first(client, settings):
    settings.ACCOUNT_EMAIL_VERIFICATION, settings.MAIL_IS_DELIVERED = "mandatory", True
    settings.PUBLIC_URL = "https://gateway.example.org"
    answer = sign_up(client)
    assert answer.headers["Location"] == reverse("account_email_verification_sent")
    assert client.get("/account").status_code == 302
    (message,) = mail.outbox
    (link,) = re.findall(r"https://gateway\.example\.org(/\S+)", message.body)
    client.post(link)
    assert EmailAddress.objects.get().verified is True
    log_in(client)
    assert client.get("/account").status_code == 200


@pytest.mark.parametrize("is_delivered", [True, False])
def test_person_is_told_of_an_email_only_if_it_is_delivered(client, settings, is_delivered):
    settings.MAIL_IS_DELIVERED = is_delivered
    sign_up(client)
    told = [str(message) for message in client.get("/welcome").context["messages"]]
    sent = "An e-mail to nina@example.com has a link that confirms the address."
    assert told.count(sent) == int(is_delivered)


def test_email_is_text_and_html_and_kept_off_the_screen(client):
    sign_up(client)
    (message,) = mail.outbox
    assert ([kind for _, kind in message.alternatives], message.extra_headers) == (
        ["text/html"],
        {"Sensitivity": "Private"},
    )


def test_reset_link_leads_to_the_public_address_whatever_host_was_asked(client, settings):
    settings.PUBLIC_URL = "https://gateway.example.org"
    person()
    client.post(
        "/accounts/password/reset/", {"email": "nina@example.com"}, headers={"host": "localhost"}
    )
    (message,) = mail.outbox
    (link,) = re.findall(r"https?://\S+", message.body)
    form = client.get(link.removeprefix("https://gateway.example.org"), follow=True)
    fresh = "another good one"
    changed = client.post(form.request["PATH_INFO"], {"password1": fresh, "password2": fresh})
    assert (link.startswith("https://gateway.example.org/"), changed.status_code) == (True, 302)
    assert User.objects.get().check_password(fresh) is True


def test_google_is_offered_only_where_it_is_set_up(client, settings):
    hidden = [
        client.get(path).content.count(b"Google")
        for path in ("/accounts/login/", "/accounts/signup/")
    ]
    settings.SOCIALACCOUNT_PROVIDERS = GOOGLE
    page = client.get("/accounts/login/").content
    shown = client.post("/accounts/google/login/")
    assert (hidden, page.count(b"Continue with Google")) == ([0, 0], 1)
    assert shown.headers["Location"].startswith("https://accounts.google.com/") is True


PAGES = (
    "account_email",
    "account_change_password",
    "account_reset_password",
    "mfa_index",
    "usersessions_list",
    "socialaccount_connections",
    "account_logout",
    "account_reauthenticate",
)


@pytest.mark.parametrize("name", PAGES)
def test_allauth_s_pages_are_ours_and_have_nothing_inline(client, name):
    client.force_login(person())
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse(name))
    assert page.status_code == 200
    assert_nothing_inline(page)


def assert_nothing_inline(page) -> None:
    """What the Content-Security-Policy would block, and that the page has our frame."""
    text = page.content.decode()
    assert re.findall(r'<script(?![^>]*\bsrc=)|<style| style="|\son\w+="|<i?frame', text) == []
    assert text.count('<main id="content"') == 1
    assert "'unsafe-inline'" not in page.headers["Content-Security-Policy"]


def test_second_step_is_turned_on_and_asked_for(client):
    user = person()
    log_in(client)
    client.post(reverse("account_reauthenticate"), {"password": PASSWORD})
    page = client.get(reverse("mfa_activate_totp"))
    assert_nothing_inline(page)
    assert page.content.count(b'src="data:image/svg+xml;') == 1
    assert "data:" in page.headers["Content-Security-Policy"]
    secret = page.context["form"].secret
    code = totp_of(secret, datetime.now(UTC))
    codes = client.post(reverse("mfa_activate_totp"), {"code": code}, follow=True)
    assert_nothing_inline(codes)
    stored = Authenticator.objects.get(user=user, type=Authenticator.Type.TOTP).data["secret"]
    assert (len(codes.context["unused_codes"]), secret in stored) == (10, False)
    client.logout()
    assert log_in(client).headers["Location"] == reverse("mfa_authenticate")
    assert_nothing_inline(client.get(reverse("mfa_authenticate")))
    assert client.get("/account").status_code == 302


@pytest.fixture
def nina():
    """Somebody with the second step on: (user, secret of the app, recovery codes)."""
    user, secret = person(), generate_totp_secret()
    TOTP.activate(user, secret)
    return user, secret, RecoveryCodes.activate(user).generate_codes()


def second_step(client, code: str) -> bool:
    """Log in with the password and `code`; whether that worked."""
    log_in(client)
    client.post(reverse("mfa_authenticate"), {"code": code})
    is_in = "_auth_user_id" in client.session
    client.logout()
    return is_in


def test_code_of_the_app_works_once(client, nina):
    now = datetime.now(UTC).replace(second=5, microsecond=0)
    with time_machine.travel(now, tick=False):
        code = totp_of(nina[1], now)
        assert [second_step(client, code) for _ in range(2)] == [True, False]


def test_recovery_code_works_once(client, nina):
    assert [second_step(client, nina[2][3]) for _ in range(2)] == [True, False]


def test_guessing_codes_is_throttled(client, nina):
    for _ in range(5):
        assert second_step(client, "000000") is False
    assert second_step(client, nina[2][0]) is False


def test_guessing_one_password_from_many_addresses_is_throttled(client):
    person()
    now = datetime.now(UTC)
    with time_machine.travel(now, tick=False) as clock:
        for number in range(30):
            log_in(client, password=f"wrong {number}", REMOTE_ADDR=f"203.0.113.{number}")
        answer = log_in(client, REMOTE_ADDR="198.51.100.1")
        assert answer.context["form"].non_field_errors() == [
            "Too many failed login attempts. Try again later."
        ]
        clock.shift(timedelta(minutes=16))
        assert log_in(client, REMOTE_ADDR="198.51.100.1").status_code == 302


def test_guessing_many_passwords_from_one_address_is_throttled(client):
    person()
    for number in range(10):
        log_in(client, email=f"nobody{number}@example.com", password="wrong")
    assert log_in(client).context["form"].non_field_errors() == [
        "Too many failed login attempts. Try again later."
    ]


def test_password_reset_lets_a_locked_out_owner_in_at_once(client):
    person()
    for number in range(6):
        log_in(client, password="wrong", REMOTE_ADDR=f"203.0.113.{number}")
    client.post("/accounts/password/reset/", {"email": "nina@example.com"})
    (link,) = re.findall(r"https?://[^/]+(/\S+)", mail.outbox[-1].body)
    form = client.get(link, follow=True)
    fresh = "another good one"
    client.post(form.request["PATH_INFO"], {"password1": fresh, "password2": fresh})
    assert log_in(client, password=fresh).status_code == 302


def test_throttled_page_is_ours(client):
    answers = [sign_up(client, email=f"p{number}@").status_code for number in range(21)]
    assert answers == [200] * 20 + [429]


def test_staff_log_in_like_everybody_else(client):
    login = client.get("/admin/", follow=True)
    assert login.redirect_chain[-1][0] == "/accounts/login/?next=/admin/"
    direct = client.post("/admin/login/", {"username": "nina@example.com", "password": PASSWORD})
    assert direct.status_code == 302
    person(is_staff=True, is_superuser=True)
    log_in(client)
    assert client.get("/admin/").status_code == 200


def test_staff_site_refuses_others_and_strange_targets(client):
    client.force_login(UserFactory())
    assert client.get("/admin/login/").status_code == 403
    client.force_login(UserFactory(is_staff=True))
    answer = client.get("/admin/login/?next=https://evil.example/")
    assert answer.headers["Location"] == "/admin/"


def test_staff_of_a_public_gateway_need_the_second_step(client, settings, nina):
    settings.STAFF_NEED_SECOND_FACTOR = True
    client.force_login(UserFactory(is_staff=True, is_superuser=True))
    led = client.get("/admin/", follow=True)
    assert led.redirect_chain[-1][0] == reverse("mfa_index")
    user = nina[0]
    user.is_staff = user.is_superuser = True
    user.save()
    client.force_login(user)
    assert client.get("/admin/").status_code == 200
