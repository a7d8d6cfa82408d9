"""What rules did."""

import pytest

from devices.tests.factories import DeviceFactory
from rules.models import RuleRun
from rules.services.reactions import react
from rules.tests.factories import RuleFactory
from rules.tests.pages.helpers import Role, inbound, page, typed
from rules.tests.runs import REPLY, run_of

pytestmark = pytest.mark.django_db


def test_history_of_one_rule_has_its_runs_alone(client, tenant, device, admin):
    rule = RuleFactory(tenant=tenant)
    mine, other = run_of(device, reply=REPLY), run_of(device)
    RuleRun.objects.filter(pk=mine.pk).update(rule=rule)
    found = {
        path: [row["run"] for row in client.get(path).context["rows"]]
        for path in ("/rules/runs", f"/rules/runs?rule={rule.external_id}")
    }
    assert list(found.values()) == [[other, mine], [mine]]


def test_history_goes_on_from_its_cursor(client, device, admin):
    runs = [run_of(device) for _ in range(51)]
    first = client.get("/rules/runs")
    rest = client.get(first.context["next_url"])
    assert [row["run"] for row in rest.context["rows"]] == [runs[0]]
    assert (rest.context["next_url"], b"<html" in rest.content) == ("", False)


def test_history_adds_what_came_after_its_first_row(client, device, admin):
    old, new = run_of(device), run_of(device)
    answer = client.get(f"/rules/runs/newer?after={old.external_id}")
    assert [row["run"] for row in answer.context["rows"]] == [new]
    assert answer.context["newest"] == new.external_id
    assert client.get(f"/rules/runs/newer?after={new.external_id}").status_code == 204


def test_row_asks_again_as_long_as_something_is_to_be_done(client, device, admin):
    run = run_of(device, reply=REPLY)
    path = f"/rules/runs/{run.external_id}"
    assert client.get(path).content.decode().count(f'hx-get="{path}"') == 1
    run.actions.update(status="failed", error="No <b>credit</b>.")
    body = client.get(path).content.decode()
    assert (body.count("hx-get"), body.count("No &lt;b&gt;credit&lt;/b&gt;.")) == (0, 1)


def test_history_shows_what_the_engine_wrote(client, tenant, device, admin):
    rule = RuleFactory(tenant=tenant, reply_enabled=True, reply_template="Yes")
    message = inbound(device, "Open?", sender="+6581112222")
    react(message=message, text="Open?")
    (row,) = client.get("/rules/runs").context["rows"]
    assert (row["run"].rule, row["run"].message, row["is_open"]) == (rule, message, True)


# Who may what


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
@pytest.mark.parametrize("verb", ["", "/switch", "/delete"])
def test_only_admins_change_a_rule(client, tenant, log_in, role, verb):
    rule = RuleFactory(tenant=tenant, name="Hours")
    log_in(role)
    assert client.post(page(rule, verb), typed(typed="Hours", enabled="0")).status_code == 403
    rule.refresh_from_db()
    assert (rule.name, rule.is_enabled, rule.pattern) == ("Hours", True, "")


@pytest.mark.parametrize(
    ("path", "method"),
    [
        *(("/rules/new", "get"), ("/rules/new", "post"), ("/rules/preview", "post")),
        *(("/rules/order", "post"), ("/rules/settings", "post"), ("/rules/test", "get")),
        ("/rules/receive", "post"),
    ],
)
def test_viewers_may_not(client, log_in, path, method):
    log_in(Role.VIEWER)
    assert getattr(client, method)(path).status_code == 403


def test_viewers_see_everything_and_no_buttons(client, tenant, device, log_in):
    rule = RuleFactory(tenant=tenant)
    run = run_of(device)
    log_in(Role.VIEWER)
    paths = ("/rules", "/rules/runs", f"/rules/runs/{run.external_id}", page(rule))
    assert [client.get(path).status_code for path in paths] == [200] * 4
    assert client.get("/rules").content.decode().count("/switch") == 0
    assert client.get(page(rule)).content.decode().count('<fieldset class="stack" disabled>') == 1


@pytest.mark.parametrize(
    ("verb", "method"), [("", "get"), ("", "post"), ("/switch", "post"), ("/delete", "post")]
)
def test_foreign_rules_do_not_exist(client, admin, verb, method):
    foreign = RuleFactory()
    assert getattr(client, method)(page(foreign, verb)).status_code == 404


def test_foreign_runs_do_not_exist(client, admin):
    assert client.get(f"/rules/runs/{run_of(DeviceFactory()).external_id}").status_code == 404


def test_foreign_rules_cannot_be_previewed(client, admin):
    form = typed(rule=RuleFactory().external_id)
    assert client.post("/rules/preview", form).status_code == 404
