"""The pages about rules."""

from datetime import time, timedelta
from html import unescape

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, Membership
from accounts.tests.factories import MembershipFactory
from devices.tests.factories import DeviceFactory
from messaging.models import Message
from messaging.tests.factories import GroupFactory, MessageFactory
from rules.matching import Mismatch
from rules.models import Rule, RuleEngineSettings, RuleRun
from rules.pages.words import amount_of, conditions, days, doings, duration, why_not
from rules.queries import settings_for
from rules.services.reactions import react
from rules.tests.factories import RuleFactory, configure
from rules.tests.runs import REPLY, run_of

pytestmark = pytest.mark.django_db

Role = Membership.Role
HTMX = {"HX-Request": "true"}


@pytest.fixture
def device():
    return DeviceFactory()


@pytest.fixture
def tenant(device):
    return device.tenant


@pytest.fixture
def log_in(client, tenant):
    """A function that logs a member of the tenant in, with a role."""

    def as_member(role=Role.ADMIN):
        user = MembershipFactory(tenant=tenant, role=role).user
        client.force_login(user)
        return user

    return as_member


@pytest.fixture
def admin(log_in):
    return log_in()


def page(rule, verb=""):
    return f"/rules/{rule.external_id}{verb}"


def typed(**fields) -> dict:
    """A form that is filled in well enough; a switch is `on` or not there."""
    filled = {"name": "Hours", "is_enabled": "on", "match_type": "contains", "pattern": "hours"}
    return {**filled, "cool_down_unit": "hours", **fields}


def names(answer) -> list[str]:
    return [row["rule"].name for row in answer.context["rows"]]


def in_order(tenant) -> list[str]:
    return [rule.name for rule in Rule.objects.filter(tenant=tenant)]


def inbound(device, text, **columns):
    return MessageFactory(inbound=True, device=device, text=text, **columns)


def queries(client, path, **form) -> int:
    with CaptureQueriesContext(connection) as made:
        assert (client.post(path, form) if form else client.get(path)).status_code == 200
    return len(made)


# In words


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"match_type": "any"}, "Any text"),
        ({"match_type": "exact", "pattern": "yes"}, "Text is exactly “yes”"),
        (
            {
                **{"match_type": "contains", "pattern": "hours", "from_filter": "+65"},
                **{"active_days": [1, 2, 3, 4, 5], "active_from": time(9)},
                "active_until": time(17, 30),
            },
            "Text contains “hours”, from numbers with +65, Mon–Fri 09:00–17:30",
        ),
        (
            {"match_type": "regex", "pattern": "^a", "from_filter": "DBS", "active_days": [6, 7]},
            "Text fits the pattern “^a”, from senders like “DBS”, Sat, Sun",
        ),
        (
            {"match_type": "any", "active_from": time(22), "active_until": time(6)},
            "Any text, 22:00–06:00 of the next day",
        ),
    ],
)
def test_conditions_are_told_in_words(columns, words):
    assert conditions(Rule(**columns)) == words


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ([], ""),
        ([1, 2, 3, 4, 5, 6, 7], ""),
        ([5, 1, 3], "Mon, Wed, Fri"),
        ([1, 2, 3, 6], "Mon–Wed, Sat"),
    ],
)
def test_days_in_a_row_are_a_range(numbers, words):
    assert days(numbers) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((60, "1 minute"), (90, "90 seconds"), (7200, "2 hours"), (86_400, "1 day")),
        (36 * 3600, "36 hours"),
    ],
)
def test_duration_is_told_in_its_largest_whole_unit(seconds, words):
    assert duration(seconds) == words


def test_no_duration_is_told_in_hours():
    assert amount_of(0) == (0, "hours")


def test_doings_come_in_the_order_in_which_they_are_done():
    rule = Rule(
        webhook="https://example.com/a/b",
        reply_enabled=True,
        reply_template="Yes,\nwe",
        opt_out=True,
    )
    assert [(doing.verb, doing.what) for doing in doings(rule)] == [
        ("Reply", "“Yes, we”"),
        ("Webhook", "example.com"),
        ("Opt out", ""),
    ]


def test_why_not_names_what_the_rule_wants():
    rule = Rule(match_type="contains", pattern="hours", from_filter="+65", active_days=[1])
    assert [why_not(rule, reason) for reason in Mismatch] == [
        "It is switched off.",
        "It is on Mon only.",
        "It is for texts from numbers with +65.",
        "It wants a text that contains “hours”.",
    ]


# The list


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


# The editor


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


# The preview


def preview(client, rule=None, **fields):
    form = typed(**fields) | ({"rule": rule.external_id} if rule else {})
    answer = client.post("/rules/preview", form)
    assert answer.status_code == 200
    return answer.context["preview"]


def test_preview_shows_the_texts_that_would_match_first(client, device, admin):
    for text in ("Opening HOURS?", "Hi", "hours"):
        inbound(device, text)
    MessageFactory(device=device, text="hours, outbound")
    inbound(DeviceFactory(), "hours, foreign")
    shown = preview(client)
    assert [(tried.message.text, tried.fits) for tried in shown.tried] == [
        *(("hours", True), ("Opening HOURS?", True), ("Hi", False))
    ]
    assert (shown.fitting, shown.taken) == (2, 0)


def test_preview_is_of_the_last_fifty_texts(client, device, admin):
    for _ in range(51):
        inbound(device, "hours")
    assert preview(client).fitting == 50


def test_preview_names_the_rule_that_comes_first(client, tenant, device, admin):
    before = RuleFactory(tenant=tenant, match_type="contains", pattern="open", priority=10)
    rule = RuleFactory(tenant=tenant, priority=20)
    RuleFactory(tenant=tenant, priority=30)
    inbound(device, "hours")
    inbound(device, "open hours")
    firsts = [tried.first for tried in preview(client, rule).tried]
    assert firsts == [before, None]


def test_preview_of_a_new_rule_puts_it_behind_all_others(client, tenant, device, admin):
    other = RuleFactory(tenant=tenant)
    inbound(device, "hours")
    assert [tried.first for tried in preview(client).tried] == [other]


def test_preview_agrees_with_the_engine_about_hours(client, device, admin):
    at = timezone.localtime(inbound(device, "hours").created_at)
    since = (at + timedelta(hours=1)).strftime("%H:%M")
    until = (at + timedelta(hours=2)).strftime("%H:%M")
    (tried,) = preview(client, active_from=since, active_until=until).tried
    assert (tried.fits, tried.why) == (False, "other hours")


def test_preview_tells_keywords_which_no_rule_sees(client, device, admin):
    inbound(device, "STOP")
    (tried,) = preview(client, match_type="any").tried
    assert (tried.fits, tried.why) == (False, "STOP keyword")


def test_preview_fills_the_reply_in_with_the_newest_text_that_matches(client, device, admin):
    inbound(device, "hours", sender="+6581112222")
    inbound(device, "Hi")
    template = "Hello {{from}}: {{text}} 🙂"
    (action,) = preview(client, reply_enabled="on", reply_template=template).actions
    assert action.planned.payload["text"] == "Hello +6581112222: hours 🙂"
    assert (action.segments.encoding, action.segments.segments) == ("ucs2", 1)


def test_preview_waits_for_the_text_of_the_reply(client, device, admin):
    assert preview(client, reply_enabled="on", reply_template=" ").actions == []


def test_preview_warns_of_unknown_variables(client, admin):
    shown = preview(client, reply_enabled="on", reply_template="{{nam}}")
    assert [warning.code for warning in shown.warnings] == ["unknown_variable"]


@pytest.mark.parametrize(
    ("pattern", "said"), [("(a", "This is no regular expression of RE2 (missing ): (a)."), ("", "")]
)
def test_preview_tells_of_a_bad_pattern_at_its_field(client, device, admin, pattern, said):
    inbound(device, "a")
    form = typed(match_type="regex", pattern=pattern)
    answer = client.post("/rules/preview", form)
    shown = answer.context["preview"]
    assert (shown.is_wrong, shown.is_blank, shown.tried) == (bool(pattern), not pattern, [])
    errors = unescape(answer.content.decode()).partition('id="said-pattern"')[2]
    assert errors.partition("</div>")[0].partition("<li>")[2].partition("</li>")[0] == said


def test_preview_takes_as_many_queries_for_one_text_as_for_thirty(client, tenant, device, admin):
    RuleFactory(tenant=tenant)
    form = typed(reply_enabled="on", reply_template="{{name}} {{nam}}")
    inbound(device, "hours")
    queries(client, "/rules/preview", **form)
    one = queries(client, "/rules/preview", **form)
    for _ in range(29):
        inbound(device, "hours")
    assert queries(client, "/rules/preview", **form) == one


# The test bench


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


# The history


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
