"""The form of a rule."""

from datetime import time

import pytest

from messaging.tests.factories import GroupFactory
from rules.models import Rule
from rules.tests.factories import RuleFactory
from rules.tests.pages.helpers import page, typed

pytestmark = pytest.mark.django_db


def test_new_rule_has_all_that_was_typed(client, tenant, admin):
    group = GroupFactory(tenant=tenant)
    form = typed(
        active_days=["1", "2"],
        active_from="09:00",
        active_until="17:30",
        reply_enabled="on",
        reply_template="Open.\r\nAlways.",
        does_email="on",
        email="desk@example.com",
        does_forward="on",
        forward_to="8123 4567",
        does_group="on",
        add_to_group=group.external_id,
        cool_down="2",
    )
    answer = client.post("/rules/new", form)
    rule = Rule.objects.get(tenant=tenant)
    assert answer["Location"] == f"/rules?saved={rule.external_id}"
    assert (rule.active_days, rule.active_from, rule.active_until) == (
        [1, 2],
        time(9),
        time(17, 30),
    )
    assert (rule.reply_enabled, rule.reply_template) == (True, "Open.\nAlways.")
    assert (rule.email, rule.forward_to, rule.webhook) == ("desk@example.com", "+6581234567", "")
    assert (rule.add_to_group, rule.cool_down_seconds, rule.opt_out) == (group, 7200, False)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": "x" * 101}, "name"),
        ({"pattern": ""}, "pattern"),
        ({"match_type": "regex", "pattern": "(a"}, "pattern"),
        ({"from_filter": "(a"}, "from_filter"),
        ({"active_from": "09:00"}, "active_until"),
        ({"active_until": "09:00"}, "active_from"),
        ({"active_from": "09:00", "active_until": "09:00"}, "active_until"),
        ({"active_days": ["9"]}, "active_days"),
        ({"reply_enabled": "on"}, "reply_template"),
        ({"does_email": "on"}, "email"),
        ({"does_email": "on", "email": "desk"}, "email"),
        ({"does_webhook": "on", "webhook": "ftp://example.com"}, "webhook"),
        ({"does_forward": "on", "forward_to": "12"}, "forward_to"),
        ({"does_group": "on"}, "add_to_group"),
        ({"cool_down": "31", "cool_down_unit": "days"}, "cool_down"),
    ],
)
def test_rule_that_fails_marks_the_field_and_keeps_what_was_typed(
    client, tenant, admin, wrong, field
):
    answer = client.post("/rules/new", typed(email_subject="About <you>", **wrong))
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors), len(form.errors[field])) == (422, [field], 1)
    assert answer.content.decode().count(f'id="id_{field}_error"') == 1
    assert form["email_subject"].value() == "About <you>"
    assert Rule.objects.filter(tenant=tenant).count() == 0


def test_all_errors_are_told_at_once(client, admin):
    answer = client.post("/rules/new", typed(pattern="", reply_enabled="on", does_email="on"))
    assert sorted(answer.context["form"].errors) == ["email", "pattern", "reply_template"]


def test_one_rule_too_many_is_told_at_the_top(client, tenant, admin):
    for _ in range(50):
        RuleFactory(tenant=tenant)
    answer = client.post("/rules/new", typed())
    assert answer.context["form"].non_field_errors() == [
        "There may be at most 50 rules. Delete one first."
    ]


def test_saving_what_the_form_shows_changes_nothing(client, tenant, admin):
    rule = RuleFactory(
        tenant=tenant,
        **{"match_type": "regex", "pattern": " a ", "from_filter": "+65", "priority": 7},
        **{"active_days": [6], "active_from": time(22), "active_until": time(6)},
        **{
            "reply_template": "Kept\nthough off",
            "email": "a@example.com",
            "email_body": "{{text}}",
        },
        **{"webhook": "https://example.com/", "forward_to": "+6581234567", "opt_out": True},
        **{"add_to_group": GroupFactory(tenant=tenant), "cool_down_seconds": 90},
    )
    before = Rule.objects.filter(pk=rule.pk).values().get()
    form = client.get(page(rule)).context["form"]
    shown = {field.html_name: field.value() for field in form}
    switches = {name: "on" for name, value in shown.items() if value is True}
    filled = {name: value for name, value in shown.items() if value not in (True, False, None)}
    assert client.post(page(rule), filled | switches).status_code == 302
    after = Rule.objects.filter(pk=rule.pk).values().get()
    assert after | {"updated_at": None} == before | {"updated_at": None}


@pytest.mark.parametrize(
    ("fields", "name"), [({}, "hours"), ({"match_type": "any", "pattern": ""}, "Any text")]
)
def test_rule_without_a_name_is_named_after_what_it_looks_for(client, tenant, admin, fields, name):
    assert client.post("/rules/new", typed(name=" ", **fields)).status_code == 302
    assert Rule.objects.get(tenant=tenant).name == name


def test_a_word_and_its_reply_are_all_that_has_to_be_typed(client, tenant, admin):
    form = client.get("/rules/new").context["form"]
    filled = {field.html_name: field.value() for field in form if field.value()}
    assert (form.is_narrowed, form.does_more) == (False, False)
    answer = client.post("/rules/new", filled | {"pattern": "hours", "reply_template": "9 to 5"})
    rule = Rule.objects.get(tenant=tenant)
    assert (answer.status_code, rule.is_enabled, rule.reply_enabled) == (302, True, True)


@pytest.mark.parametrize(
    ("fields", "opened"),
    [
        ({}, (False, False)),
        ({"from_filter": "(a"}, (True, False)),
        ({"active_days": ["1"]}, (True, False)),
        ({"does_email": "on"}, (False, True)),
        ({"email_subject": "x" * 201}, (False, True)),
        ({"email_subject": "kept though off"}, (False, False)),
        ({"cool_down": "31", "cool_down_unit": "days"}, (False, True)),
    ],
)
def test_what_says_something_is_not_folded_in(client, admin, fields, opened):
    form = client.post("/rules/new", typed(pattern="", **fields)).context["form"]
    assert (form.is_narrowed, form.does_more) == opened


def test_saved_rule_is_offered_to_be_tried_out(client, tenant, admin):
    location = client.post("/rules/new", typed())["Location"]
    rule = Rule.objects.get(tenant=tenant)
    answer = client.get(location)
    offered = answer.content.decode().count(f'href="/rules/test?rule={rule.external_id}"')
    assert (answer.context["saved"], offered) == (rule, 1)


def test_warnings_are_told_after_saving(client, tenant, admin):
    answer = client.post("/rules/new", typed(), follow=True)
    assert [str(message) for message in answer.context["messages"]] == [
        "Hours is saved, as the last of your rules.",
        "The rule does nothing but keep the rules after it from being tried.",
    ]


@pytest.mark.parametrize(
    ("start", "match_type", "switch"),
    [
        ("hours", "contains", "reply_enabled"),
        ("forward", "any", "does_forward"),
        ("webhook", "any", "does_webhook"),
    ],
)
def test_starting_points_fill_the_form_in(client, admin, start, match_type, switch):
    form = client.get(f"/rules/new?from={start}").context["form"]
    assert (form["match_type"].value(), form[switch].value()) == (match_type, True)


def test_rule_is_deleted_when_its_name_is_typed(client, tenant, admin):
    rule = RuleFactory(tenant=tenant, name="Hours")
    answer = client.post(page(rule, "/delete"), {"typed": "hours"})
    assert (answer.status_code, list(answer.context["delete_form"].errors)) == (422, ["typed"])
    assert client.post(page(rule, "/delete"), {"typed": "Hours"}).status_code == 302
    assert Rule.objects.filter(tenant=tenant).count() == 0
