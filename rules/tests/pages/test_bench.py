"""Trying a text out, and letting it come in on a simulated phone."""

import pytest
from django.utils import timezone

from devices.tests.factories import DeviceFactory
from messaging.models import Message
from rules.models import RuleRun
from rules.tests.factories import RuleFactory, configure
from rules.tests.pages.helpers import Role

pytestmark = pytest.mark.django_db


def test_bench_shows_each_step_and_what_would_be_done(client, tenant, log_in):
    log_in(Role.OPERATOR)
    first = RuleFactory(tenant=tenant, match_type="exact", pattern="hours")
    second = RuleFactory(tenant=tenant, reply_enabled=True, reply_template="{{text}} from {{from}}")
    RuleFactory(tenant=tenant)
    answer = client.post("/rules/test", {"sender": "8123 4567", "text": "hi"})
    assert answer.context["steps"] == [
        (first, "It wants a text that is exactly “hours”."),
        (second, ""),
    ]
    texts = [action.planned.payload["text"] for action in answer.context["actions"]]
    assert texts == ["hi from +6581234567"]
    assert RuleRun.objects.filter(tenant=tenant).count() == 0


def test_bench_tries_at_another_time(client, tenant, admin):
    RuleFactory(tenant=tenant, active_days=[1])
    form = {"sender": "+6581234567", "text": "hi", "at": "2026-08-04T10:00"}  # a Tuesday
    answer = client.post("/rules/test", form)
    assert [reason for _, reason in answer.context["steps"]] == ["It is on Mon only."]


def test_bench_tells_of_the_default_reply(client, tenant, admin):
    configure(tenant, default_reply_enabled=True, default_reply="Thanks")
    answer = client.post("/rules/test", {"sender": "+6581234567", "text": "hi"})
    texts = [action.planned.payload["text"] for action in answer.context["actions"]]
    assert (answer.context["steps"], texts) == ([], ["Thanks"])


def test_bench_keeps_what_was_typed(client, admin):
    answer = client.post("/rules/test", {"sender": "", "text": "<b>"})
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors), form["text"].value()) == (422, ["sender"], "<b>")


@pytest.mark.parametrize(
    ("columns", "text"),
    [
        ({"match_type": "contains", "pattern": "hours"}, "hours"),
        ({"match_type": "any"}, "Hello"),
        ({"match_type": "regex", "pattern": "^a"}, ""),
    ],
)
def test_bench_tries_a_text_that_a_rule_is_for(client, tenant, admin, columns, text):
    rule = RuleFactory(tenant=tenant, **columns)
    answer = client.get(f"/rules/test?rule={rule.external_id}")
    assert answer.context["form"]["text"].value() == text
    assert answer.context.get("steps", []) == ([(rule, "")] if text else [])


def test_bench_of_a_foreign_rule_does_not_exist(client, admin):
    assert client.get(f"/rules/test?rule={RuleFactory().external_id}").status_code == 404


def text_comes_in(client, text="hours"):
    return client.post("/rules/receive", {"sender": "+6581234567", "text": text})


@pytest.fixture
def simulated(device):
    device.kind, device.last_seen_at = device.Kind.SIMULATED, timezone.now()
    device.save()
    return device


def test_text_comes_in_on_the_simulated_phone_and_is_answered(client, tenant, simulated, admin):
    rule = RuleFactory(tenant=tenant, reply_enabled=True, reply_template="Open")
    assert text_comes_in(client)["Location"] == "/rules/runs"
    run = RuleRun.objects.get(tenant=tenant)
    assert (run.rule, run.message.text, run.message.device) == (rule, "hours", simulated)
    assert run.actions.get().payload == {"to": "+6581234567", "text": "Open"}


def test_text_that_no_rule_took_came_in_all_the_same(client, tenant, simulated, admin):
    assert text_comes_in(client)["Location"] == "/rules/test"
    assert Message.objects.get(tenant=tenant).text == "hours"


def test_no_text_comes_in_beside_a_real_phone(client, tenant, simulated, admin):
    DeviceFactory(tenant=tenant, kind="android")
    answer = text_comes_in(client)
    assert (answer.status_code, Message.objects.filter(tenant=tenant).count()) == (422, 0)
    assert answer.context["form"]["text"].value() == "hours"


def test_silent_simulated_phone_receives_nothing(client, tenant, simulated, admin):
    type(simulated).objects.filter(pk=simulated.pk).update(last_seen_at=None)
    assert text_comes_in(client).status_code == 422


@pytest.mark.parametrize(("kind", "offered"), [("simulated", 1), ("android", 0)])
def test_bench_offers_to_let_the_text_come_in(client, tenant, simulated, admin, kind, offered):
    type(simulated).objects.filter(pk=simulated.pk).update(kind=kind)
    body = client.post("/rules/test", {"sender": "+6581234567", "text": "hi"}).content.decode()
    assert body.count('action="/rules/receive"') == offered
