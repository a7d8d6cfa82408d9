"""Opening an account, and going from one to another."""

import pytest

from accounts.members import SESSION_KEY
from accounts.models import Membership, Tenant
from accounts.tests.factories import MembershipFactory, TenantFactory, UserFactory

pytestmark = pytest.mark.django_db

ASKED = {"name": "Nina's bakery", "country": "IN", "time_zone": "Asia/Kolkata"}


@pytest.fixture
def nina(client):
    user = UserFactory(email="nina@example.com")
    client.force_login(user)
    return user


def test_person_without_an_account_is_led_to_open_one(client, nina):
    assert client.get("/team").headers["Location"] == "/welcome"
    assert client.get("/welcome").context["form"].initial == {}


def test_account_is_opened_for_its_owner_and_shown_from_then_on(client, nina):
    MembershipFactory(user=nina)
    answer = client.post("/welcome", ASKED)
    tenant = Tenant.objects.get(name="Nina's bakery")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/start")
    assert (tenant.default_country, tenant.time_zone) == ("IN", "Asia/Kolkata")
    assert tenant.memberships.get().role == Membership.Role.OWNER
    assert (tenant.members.get(), client.session[SESSION_KEY]) == (nina, tenant.pk)


def test_no_country_is_a_choice(client, nina):
    client.post("/welcome", ASKED | {"country": ""})
    assert Tenant.objects.get().default_country == ""


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("country", "XX"), ("time_zone", "Mars/Olympus")]
)
def test_mistake_is_marked_and_the_rest_kept(client, nina, field, value):
    answer = client.post("/welcome", ASKED | {field: value})
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors), Tenant.objects.count()) == (422, [field], 0)
    kept = next(name for name in ASKED if name != field)
    assert form[kept].value() == ASKED[kept]


def test_closed_gateway_opens_accounts_for_its_staff_only(client, nina, settings):
    settings.SIGN_UP_IS_OPEN = False
    assert client.post("/welcome", ASKED).context.get("form") is None
    assert Tenant.objects.count() == 0
    nina.is_staff = True
    nina.save()
    client.post("/welcome", ASKED)
    assert Tenant.objects.count() == 1


def test_five_accounts_a_day_are_enough(client, nina):
    statuses = [client.post("/welcome", ASKED).status_code for _ in range(6)]
    assert statuses == [302, 302, 302, 302, 302, 422]


def test_member_goes_to_another_account(client, nina):
    MembershipFactory(user=nina)
    other = MembershipFactory(user=nina).tenant
    answer = client.post(f"/switch/{other.external_id}")
    assert (answer.headers["Location"], client.session[SESSION_KEY]) == ("/", other.pk)
    assert client.get("/team").context["tenant"] == other


def test_foreign_account_is_not_found(client, nina):
    mine, foreign = MembershipFactory(user=nina).tenant, TenantFactory()
    for wanted in (foreign.external_id, "ten_nonsense"):
        assert client.post(f"/switch/{wanted}").status_code == 404
    assert client.get(f"/switch/{mine.external_id}").status_code == 405
    assert client.get("/team").context["tenant"] == mine
