"""The list of rules, their order, and the engine panel."""

import pytest

from accounts.models import AuditEntry
from messaging.tests.factories import GroupFactory
from rules.models import RuleEngineSettings, RuleRun
from rules.queries import settings_for
from rules.tests.factories import RuleFactory
from rules.tests.pages.helpers import HTMX, in_order, names, page, queries
from rules.tests.runs import REPLY, run_of

pytestmark = pytest.mark.django_db


def test_list_has_the_order_of_trying_and_the_matches_of_seven_days(client, tenant, device, admin):
    second = RuleFactory(tenant=tenant, name="Second", priority=20)
    first = RuleFactory(tenant=tenant, name="First", priority=10)
    RuleFactory(name="Foreign")
    for rule in (first, first, second):
        RuleRun.objects.filter(pk=run_of(device).pk).update(rule=rule)
    answer = client.get("/rules")
    assert [(row["rule"], row["matches"]) for row in answer.context["rows"]] == [
        *((first, 2), (second, 1))
    ]


def test_empty_list_offers_starting_points_to_admins(client, admin):
    offered = ["/rules/new?from=hours", "/rules/new?from=forward", "/rules/new?from=webhook"]
    body = client.get("/rules").content.decode()
    assert [path for path in offered if f'href="{path}"' in body] == offered


@pytest.mark.parametrize("path", ["/rules", "/rules/counts", "/rules/runs"])
def test_lists_take_as_many_queries_for_one_row_as_for_thirty(client, tenant, device, admin, path):
    def add(count):
        for _ in range(count):
            group = GroupFactory(tenant=tenant)
            rule = RuleFactory(tenant=tenant, add_to_group=group)
            RuleRun.objects.filter(pk=run_of(device, reply=REPLY).pk).update(rule=rule)

    add(1)
    client.get(path)
    one = queries(client, path)
    add(29)
    assert (queries(client, path), len(client.get(path).context["rows"])) == (one, 30)


def test_order_of_the_page_is_stored(client, tenant, admin):
    a, b, c = (RuleFactory(tenant=tenant, name=name) for name in "abc")
    ids = [rule.external_id for rule in (c, a, b)]
    assert client.post("/rules/order", {"ids": ids}, headers=HTMX).status_code == 204
    assert in_order(tenant) == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("direction", "moved", "order"), [("up", 1, "bac"), ("down", 1, "acb"), ("up", 0, "abc")]
)
def test_buttons_move_a_rule_without_javascript(client, tenant, admin, direction, moved, order):
    ids = [RuleFactory(tenant=tenant, name=name).external_id for name in "abc"]
    answer = client.post("/rules/order", {"ids": ids, direction: ids[moved]})
    assert (answer.status_code, answer["Location"]) == (302, "/rules")
    assert "".join(in_order(tenant)) == order


def test_order_of_an_old_page_is_refused_with_the_list_as_it_is(client, tenant, admin):
    a, _ = (RuleFactory(tenant=tenant, name=name) for name in "ab")
    answer = client.post("/rules/order", {"ids": [a.external_id]}, headers=HTMX)
    assert (answer.status_code, names(answer), in_order(tenant)) == (422, ["a", "b"], ["a", "b"])


def test_switch_answers_with_the_row(client, tenant, admin):
    rule = RuleFactory(tenant=tenant)
    answer = client.post(page(rule, "/switch"), {"enabled": "0"}, headers=HTMX)
    rule.refresh_from_db()
    assert (answer.status_code, rule.is_enabled) == (200, False)
    assert answer.content.decode().count('aria-checked="false"') == 1
    entry = AuditEntry.objects.get(tenant=tenant)
    assert (entry.action, entry.actor) == ("rule.updated", admin)


def test_settings_are_saved(client, tenant, admin):
    form = {"forwards_all": "on", "default_reply_enabled": "on", "default_reply": "Thanks.\r\nBye."}
    assert client.post("/rules/settings", form).status_code == 302
    stored = settings_for(tenant)
    assert (stored.is_enabled, stored.forwards_all, stored.default_reply_enabled) == (
        *(False, True, True),
    )
    assert stored.default_reply == "Thanks.\nBye."


def test_settings_that_fail_keep_what_was_typed(client, tenant, admin):
    answer = client.post("/rules/settings", {"default_reply_enabled": "on", "default_reply": " "})
    form = answer.context["form"]
    assert (answer.status_code, list(form.errors)) == (422, ["default_reply"])
    assert (form["default_reply_enabled"].value(), form["is_enabled"].value()) == (True, False)
    assert RuleEngineSettings.objects.filter(tenant=tenant, default_reply=" ").count() == 0
