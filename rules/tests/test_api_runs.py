"""`/v1/rules/test` and `/v1/rules/runs`: what rules would do, and what they did."""

import pytest
from django.utils import timezone

from accounts.api.times import iso
from accounts.tests.factories import TenantFactory, bearer
from devices.tests.factories import DeviceFactory
from messaging.models import Group, KeywordSettings, Message
from messaging.tests.factories import MessageFactory, change
from rules.models import RuleAction, RuleRun
from rules.services.reactions import react
from rules.tests.factories import RuleFactory, configure

pytestmark = pytest.mark.django_db

SENDER = "+6581230000"
NOTHING = {
    "enabled": True,
    "keyword": None,
    "ruleId": None,
    "ruleName": None,
    "skipped": None,
    "forwarded": True,
    "actions": [],
    "steps": [],
}
EMPTY = {
    "to": None,
    "subject": None,
    "text": None,
    "url": None,
    "groupId": None,
    "errorCode": None,
    "error": None,
}


@pytest.fixture
def device():
    return DeviceFactory(tenant=TenantFactory(name="Alice's shop", time_zone="Asia/Singapore"))


@pytest.fixture
def tried(client, device):
    """A function that has a text tried."""
    headers = bearer(device.tenant)

    def ask(text="Hello", sender="8123 0000", **more):
        body = {"from": sender, "text": text} | more
        return client.post("/v1/rules/test", body, "application/json", headers=headers)

    return ask


@pytest.fixture
def listed(client, device):
    """A function that gets the list of runs."""
    headers = bearer(device.tenant)
    return lambda **query: client.get("/v1/rules/runs", query, headers=headers)


def receive(device, text="Hello", sender=SENDER) -> Message:
    """A text that rules have seen."""
    message = MessageFactory(
        inbound=True, device=device, sender=sender, text=text, created_at=timezone.now()
    )
    react(message=message, text=text)
    return message


# --- Dry runs ---------------------------------------------------------------------------------


def test_text_of_a_tenant_without_rules_matches_nothing(tried):
    answer = tried()
    assert (answer.status_code, answer.json()) == (200, NOTHING)


def test_steps_tell_why_each_rule_before_the_match_did_not(tried, device):
    rules = [
        RuleFactory(tenant=device.tenant, priority=n, **columns)
        for n, columns in enumerate(
            [
                {"is_enabled": False},
                {"active_from": "09:00", "active_until": "17:00"},
                {"from_filter": "9999"},
                {"match_type": "exact", "pattern": "bye"},
                {"match_type": "contains", "pattern": "hell"},
                {},
            ]
        )
    ]
    told = tried(at="2026-06-12T17:00:00+08:00").json()
    assert [(step["ruleId"], step["matched"], step["reason"]) for step in told["steps"]] == [
        (rules[0].external_id, False, "disabled"),
        (rules[1].external_id, False, "time"),
        (rules[2].external_id, False, "sender"),
        (rules[3].external_id, False, "text"),
        (rules[4].external_id, True, None),
    ]
    assert told["steps"][3]["message"] == "The text does not fit the pattern."
    assert (told["ruleId"], told["ruleName"]) == (rules[4].external_id, rules[4].name)


def test_actions_are_shown_as_they_would_be_and_nothing_is_done(tried, device):
    group = Group.objects.create(tenant=device.tenant, name="Leads")
    RuleFactory(
        tenant=device.tenant,
        reply_enabled=True,
        reply_template="Hi {{from}} on {{deviceId}}",
        email="desk@example.com",
        webhook="https://example.com/in",
        forward_to="+6590000000",
        add_to_group=group,
        opt_out=True,
    )
    told = tried(to="9876 5432").json()
    assert told["actions"] == [
        EMPTY | {"action": "reply", "to": SENDER, "text": f"Hi {SENDER} on {device.external_id}"},
        EMPTY
        | {
            "action": "email",
            "to": "desk@example.com",
            "subject": f"Text from {SENDER}",
            "text": "Hello",
        },
        EMPTY | {"action": "webhook", "url": "https://example.com/in"},
        EMPTY | {"action": "forward", "to": "+6590000000", "text": f"{SENDER}: Hello"},
        EMPTY | {"action": "addToGroup", "groupId": group.external_id},
        EMPTY | {"action": "optOut"},
    ]
    assert (RuleRun.objects.count(), RuleAction.objects.count(), Message.objects.count()) == (
        0,
        0,
        0,
    )


def test_action_that_cannot_be_done_says_so(tried, device):
    RuleFactory(tenant=device.tenant, reply_enabled=True, reply_template="Hi")
    (action,) = tried(sender="DBS-Bank").json()["actions"]
    assert (action["errorCode"], action["error"]) == (
        "cannot_receive",
        "The sender is no number that can be answered.",
    )


def test_cool_down_and_default_reply_are_told(tried, device):
    rule = RuleFactory(
        tenant=device.tenant, match_type="exact", pattern="a", cool_down_seconds=600, opt_out=True
    )
    configure(device.tenant, default_reply_enabled=True, default_reply="Thanks", forwards_all=False)
    receive(device, "a")
    told = tried("a").json()
    assert (told["ruleId"], told["skipped"], told["actions"]) == (rule.external_id, "cool_down", [])
    told = tried("b").json()
    assert (told["ruleId"], told["forwarded"]) == (None, False)
    assert told["actions"] == [EMPTY | {"action": "reply", "to": SENDER, "text": "Thanks"}]


def test_engine_that_is_off_is_told_and_the_rules_are_tried_all_the_same(tried, device):
    rule = RuleFactory(tenant=device.tenant)
    configure(device.tenant, is_enabled=False)
    told = tried().json()
    assert (told["enabled"], told["ruleId"]) == (False, rule.external_id)


def test_keywords_come_before_any_rule(tried, device):
    assert [tried(text).json()["keyword"] for text in ("Stop", "HELP", "Stop it")] == [
        "stop",
        "help",
        None,
    ]
    KeywordSettings.objects.create(tenant=device.tenant, stop_words=["enough"])
    assert tried("Enough!").json()["keyword"] == "stop"


@pytest.mark.parametrize(
    ("change_", "path", "code"),
    [
        ({"from": None}, "from", "invalid_type"),
        ({"text": "x" * 16_001}, "text", "invalid_value"),
        ({"to": "1" * 101}, "to", "invalid_value"),
        ({"at": "2026-06-12T17:00:00"}, "at", "invalid_value"),
        ({"at": "0001-01-01T00:00:00+14:00"}, "at", "invalid_value"),
        ({"at": "9999-12-31T23:59:59-14:00"}, "at", "invalid_value"),
    ],
)
def test_text_that_cannot_be_tried_is_named(tried, change_, path, code):
    answer = tried(**change_)
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (400, path, code)


def test_other_tenants_phones_are_not_found_by_their_numbers(tried, device):
    DeviceFactory(sim__number="+6599999999")
    RuleFactory(tenant=device.tenant, reply_enabled=True, reply_template="[{{deviceId}}]")
    (action,) = tried(to="+6599999999").json()["actions"]
    assert action["text"] == "[]"


# --- Runs -------------------------------------------------------------------------------------


def test_run_is_shown_with_its_actions(listed, device, posted):
    rule = RuleFactory(
        tenant=device.tenant,
        name="Hours",
        reply_enabled=True,
        reply_template="Hi",
        webhook="https://example.com/in",
    )
    message = receive(device)
    run = RuleRun.objects.get()
    webhook = RuleAction.objects.get(kind="webhook")
    action = {"attempts": 0, "result": None, "errorCode": None, "error": None, "finishedAt": None}
    assert listed().json() == {
        "data": [
            {
                "id": run.external_id,
                "ruleId": rule.external_id,
                "ruleName": "Hours",
                "messageId": message.external_id,
                "from": SENDER,
                "skipped": None,
                "createdAt": iso(message.created_at),
                "actions": [
                    action | {"action": "reply", "status": "pending"},
                    action
                    | {
                        "action": "webhook",
                        "status": "done",
                        "result": "evt_1",
                        "finishedAt": iso(webhook.finished_at),
                    },
                ],
            }
        ],
        "nextCursor": None,
    }


def test_run_of_a_deleted_rule_and_a_default_reply_have_no_rule(listed, device):
    rule = RuleFactory(tenant=device.tenant, name="Hours", match_type="exact", pattern="a")
    configure(device.tenant, default_reply_enabled=True, default_reply="Hi")
    receive(device, "a")
    receive(device, "b")
    rule.delete()
    shown = [(run["ruleId"], run["ruleName"]) for run in listed().json()["data"]]
    assert shown == [(None, "Default reply"), (None, "Hours")]


def test_runs_are_filtered_by_rule(listed, device):
    rules = [
        RuleFactory(tenant=device.tenant, match_type="exact", pattern=pattern) for pattern in "ab"
    ]
    configure(device.tenant, default_reply_enabled=True, default_reply="Hi")
    for text in "abac":
        receive(device, text)
    foreign = RuleFactory()
    ids = [rules[0].external_id, rules[1].external_id, foreign.external_id, "rule_x", ""]
    counts = [len(listed(ruleId=rule_id).json()["data"]) for rule_id in ids]
    assert (counts, len(listed().json()["data"])) == ([2, 1, 0, 0, 0], 4)


def test_runs_come_in_pages_newest_first_and_only_the_tenants(listed, device):
    other = DeviceFactory()
    for each in (device, other):
        RuleFactory(tenant=each.tenant)
    messages = [receive(device) for _ in range(3)]
    receive(other)
    first = listed(limit=2).json()
    second = listed(limit=2, cursor=first["nextCursor"]).json()
    shown = [run["messageId"] for page in (first, second) for run in page["data"]]
    assert shown == [message.external_id for message in reversed(messages)]
    assert second["nextCursor"] is None


@pytest.mark.parametrize("count", [1, 3])
def test_runs_take_two_queries(listed, device, count, django_assert_num_queries):
    RuleFactory(tenant=device.tenant, reply_enabled=True, reply_template="Hi", opt_out=True)
    for _ in range(count):
        receive(device)
    listed()  # now the key is known
    with django_assert_num_queries(2):
        assert len(listed().json()["data"]) == count


@pytest.mark.parametrize(
    ("query", "path", "code"),
    [
        ({"limit": 0}, "limit", "invalid_value"),
        ({"cursor": "x"}, "cursor", "invalid_cursor"),
        ({"colour": "red"}, "colour", "unknown_parameter"),
    ],
)
def test_query_that_makes_no_sense_is_named(listed, query, path, code):
    answer = listed(**query)
    (issue,) = answer.json()["issues"]
    assert (answer.status_code, issue["path"], issue["code"]) == (400, path, code)


def test_runs_show_no_text(listed, device):
    RuleFactory(tenant=device.tenant, reply_enabled=True, reply_template="You wrote: {{text}}")
    change(receive(device, "a secret"), text="")
    assert listed().content.decode().count("secret") == 0
