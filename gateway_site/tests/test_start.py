"""The first steps of an account."""

import pytest
from django.utils import timezone

from accounts.models import ApiKey, Membership, Tenant
from accounts.services.api_keys import NewApiKey, authenticate_key, create_api_key
from accounts.tests.factories import MembershipFactory
from devices.models import Device, PairingCode
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.tests.factories import MessageFactory
from rules.tests.factories import RuleFactory

pytestmark = pytest.mark.django_db

Role = Membership.Role
TEXT = {"to": "+6581230000", "text": "Hello"}


@pytest.fixture
def owner(client):
    member = MembershipFactory(role=Role.OWNER)
    client.force_login(member.user)
    return member


def done(client) -> list[bool]:
    context = client.get("/start").context
    return [context[name]["is_done"] for name in ("phone", "text", "key")]


def test_steps_tick_themselves_off_and_end(client, owner):
    tenant = owner.tenant
    assert done(client) == [False, False, False]
    DeviceFactory(tenant=tenant)
    assert done(client) == [True, False, False]
    assert client.post("/start/text", TEXT).status_code == 200
    assert done(client) == [True, True, False]
    client.post("/start/key")
    tenant.refresh_from_db()
    assert (done(client), tenant.onboarded_at is not None) == ([True, True, True], True)


def test_first_text_comes_from_the_dashboard(client, owner):
    DeviceFactory(tenant=owner.tenant)
    client.post("/start/text", TEXT)
    message = Message.objects.get()
    assert (message.origin, message.recipient, message.text) == (
        Message.Origin.DASHBOARD,
        "+6581230000",
        "Hello",
    )


def test_reply_of_a_rule_is_no_first_text(client, owner):
    MessageFactory(tenant=owner.tenant, origin=Message.Origin.RULE)
    without = done(client)[1]
    MessageFactory(tenant=owner.tenant, origin=Message.Origin.API)
    assert (without, done(client)[1]) == (False, True)


def test_text_that_is_refused_keeps_what_was_typed(client, owner):
    DeviceFactory(tenant=owner.tenant)
    answer = client.post("/start/text", TEXT | {"to": "abc"})
    form = answer.context["step"]["form"]
    assert (answer.status_code, list(form.errors), form["to"].value()) == (422, ["to"], "abc")
    assert Message.objects.count() == 0


def test_form_in_which_somebody_types_is_left_alone(client, owner):
    DeviceFactory(tenant=owner.tenant)
    before = client.get("/start/step/text?typing=1").status_code
    client.post("/start/text", TEXT)
    assert (before, client.get("/start/step/text?typing=1").status_code) == (204, 200)


def test_key_is_shown_once(client, owner):
    answer = client.post("/start/key")
    secret = answer.context["step"]["secret"]
    assert authenticate_key(secret=secret, address="") == ApiKey.objects.get()
    assert client.get("/start").content.count(secret.encode()) == 0


def test_key_that_came_with_a_phone_is_none_that_a_person_made(client, owner):
    create_api_key(tenant=owner.tenant, new=NewApiKey("First key"), actor=None)
    assert done(client) == [False, False, False]


def test_key_beyond_the_limit_is_refused_with_the_reason(client, owner):
    Tenant.objects.filter(pk=owner.tenant_id).update(max_api_keys=0)
    answer = client.post("/start/key")
    refused = answer.context["step"]["refused"]
    assert (answer.status_code, refused.partition(":")[0], ApiKey.objects.count()) == (
        422,
        "The account's limit is reached",
        0,
    )


def test_first_rule_is_pointed_to_once_a_phone_is_paired_until_there_is_one(client, owner):
    def shown() -> list[int]:
        page = client.get("/start/step/rule").content
        return [page.count(link) for link in (b'href="/rules/new?from=hours"', b'href="/rules"')]

    without = shown()
    DeviceFactory(tenant=owner.tenant)
    paired = shown()
    RuleFactory()  # of another account
    foreign = shown()
    RuleFactory(tenant=owner.tenant)
    assert (without, paired, foreign, shown()) == ([0, 0], [1, 0], [1, 0], [0, 1])


def test_phone_is_looked_at_until_it_is_heard(client, owner):
    phone = DeviceFactory(tenant=owner.tenant, last_seen_at=None)
    paired = client.get("/start/step/phone").content.count(b"hx-trigger=")
    Device.objects.filter(pk=phone.pk).update(last_seen_at=timezone.now())
    heard = client.get("/start/step/phone").content.count(b"hx-trigger=")
    assert (paired, heard) == (1, 0)


def test_simulated_phone_is_offered_on_one_s_own_machine(client, owner, settings):
    offered = []
    for url in ("http://127.0.0.1:8000", "https://gateway.example.org"):
        settings.PUBLIC_URL = url
        offered.append(client.get("/start").context["is_local"])
    settings.PUBLIC_URL = "http://127.0.0.1:8000"
    step = client.post("/start/simulated-phone").context["step"]
    assert (offered, len(step["code"]), PairingCode.objects.count()) == ([True, False], 8, 1)


def test_steps_can_be_put_away(client, owner):
    client.post("/start/dismiss")
    owner.tenant.refresh_from_db()
    assert owner.tenant.onboarded_at is not None


def test_steps_are_for_admins(client):
    client.force_login(MembershipFactory(role=Role.OPERATOR).user)
    answers = [client.get("/start"), client.post("/start/key"), client.post("/start/text", TEXT)]
    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert (ApiKey.objects.count(), Message.objects.count()) == (0, 0)


def test_unknown_step_is_not_found(client, owner):
    assert client.get("/start/step/nonsense").status_code == 404
