"""`/v1/rules` and `/v1/rules/{id}` as clients see them."""

import json

import pytest

from accounts.api.times import iso
from accounts.tests.factories import TenantFactory, bearer
from messaging.models import Group
from rules.models import Rule, RuleRun
from rules.tests.factories import RuleFactory, configure

pytestmark = pytest.mark.django_db

PLAIN = {"name": "Hours", "matchType": "contains", "pattern": "open"}
DEFAULTS = {
    "enabled": True,
    "priority": 10,
    "fromFilter": None,
    "activeHours": None,
    "activeDays": [],
    "coolDownSeconds": 0,
    "replyEnabled": False,
    "replyTemplate": None,
    "email": None,
    "emailSubject": None,
    "emailBody": None,
    "webhook": None,
    "forwardTo": None,
    "addToGroup": None,
    "optOut": False,
    "lastMatchedAt": None,
}


@pytest.fixture
def tenant():
    return TenantFactory()


@pytest.fixture
def call(client, tenant):
    """A function that sends a request with a key of the tenant."""
    headers = bearer(tenant)

    def send(method: str, path: str = "", body: object = None):
        ask = getattr(client, method.lower())
        if body is None:
            return ask(f"/v1/rules{path}", headers=headers)
        return ask(f"/v1/rules{path}", body, "application/json", headers=headers)

    return send


@pytest.fixture
def full(tenant):
    """A body with every field."""
    group = Group.objects.create(tenant=tenant, name="Leads")
    return {
        "name": "Hours",
        "enabled": False,
        "matchType": "regex",
        "pattern": r"^open\b",
        "fromFilter": "+65",
        "priority": -3,
        "activeHours": {"from": "09:00", "until": "17:30"},
        "activeDays": ["mon", "sun"],
        "coolDownSeconds": 600,
        "replyEnabled": True,
        "replyTemplate": "Hi {{from}}",
        "email": "desk@example.com",
        "emailSubject": "New text",
        "emailBody": "{{text}}",
        "webhook": "https://example.com/in",
        "forwardTo": "+6581230000",
        "addToGroup": group.external_id,
        "optOut": True,
    }


def issues_of(answer) -> list[tuple[str, str]]:
    return [(issue["path"], issue["code"]) for issue in answer.json()["issues"]]


def test_rule_is_made_with_defaults(call):
    answer = call("POST", "", PLAIN)
    rule = Rule.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        PLAIN
        | DEFAULTS
        | {
            "id": rule.external_id,
            "createdAt": iso(rule.created_at),
            "updatedAt": iso(rule.updated_at),
            "warnings": [
                {
                    "path": "",
                    "code": "no_action",
                    "message": "The rule does nothing but keep the rules after it from being "
                    "tried.",
                }
            ],
        },
    )


def test_rule_is_made_shown_and_replaced_with_every_field(call, full):
    made = call("POST", "", full).json()
    rule_id = made["id"]
    own = {"id", "createdAt", "updatedAt", "lastMatchedAt", "warnings"}
    assert {name: made[name] for name in made.keys() - own} == full
    assert made.pop("warnings") == []
    shown = call("GET", f"/{rule_id}")
    assert (shown.status_code, shown.json()) == (200, made)
    again = call("PUT", f"/{rule_id}", made)  # what was shown can be sent back
    assert again.json() == made | {"updatedAt": again.json()["updatedAt"], "warnings": []}


def test_put_resets_what_is_left_out_but_the_priority(call, full):
    rule_id = call("POST", "", full).json()["id"]
    answer = call("PUT", f"/{rule_id}", PLAIN)
    shown = {name: value for name, value in answer.json().items() if name in PLAIN | DEFAULTS}
    assert (answer.status_code, shown) == (200, DEFAULTS | PLAIN | {"priority": -3})


def test_put_wants_a_whole_rule(call):
    rule_id = call("POST", "", PLAIN).json()["id"]
    answer = call("PUT", f"/{rule_id}", {"name": "Hours"})
    assert (answer.status_code, issues_of(answer)) == (400, [("matchType", "required")])


def test_patch_changes_what_it_names(call, full):
    made = call("POST", "", full).json()
    answer = call("PATCH", f"/{made['id']}", {"enabled": True, "activeDays": ["tue"]})
    changed = {"enabled": True, "activeDays": ["tue"], "updatedAt": answer.json()["updatedAt"]}
    assert (answer.status_code, answer.json()) == (200, made | changed)
    assert answer.json()["updatedAt"] > made["updatedAt"]
    assert call("PATCH", f"/{made['id']}", {}).json()["name"] == "Hours"


def test_patch_takes_away_what_is_null(call, full):
    rule_id = call("POST", "", full).json()["id"]
    names = ["fromFilter", "activeHours", "activeDays", "coolDownSeconds", "email", "emailSubject"]
    names += ["emailBody", "webhook", "forwardTo", "addToGroup"]
    shown = call("PATCH", f"/{rule_id}", dict.fromkeys(names)).json()
    assert {name: shown[name] for name in names} == {name: DEFAULTS[name] for name in names}
    answer = call("PATCH", f"/{rule_id}", {"priority": None, "replyTemplate": None})
    assert issues_of(answer) == [("replyTemplate", "required")]
    assert call("PATCH", f"/{rule_id}", {"priority": None}).json()["priority"] == -3


def test_delete_ends_the_rule(call):
    rule_id = call("POST", "", PLAIN).json()["id"]
    answer = call("DELETE", f"/{rule_id}")
    assert (answer.status_code, answer.content) == (204, b"")
    gone = [call(method, f"/{rule_id}").status_code for method in ("GET", "DELETE")]
    assert (gone, Rule.objects.count()) == ([404, 404], 0)


@pytest.mark.parametrize(
    ("change", "path", "code"),
    [
        ({"name": ""}, "name", "required"),
        ({"name": "  "}, "name", "required"),
        ({"name": "x" * 101}, "name", "invalid_length"),
        ({"name": None}, "name", "invalid_type"),
        ({"matchType": "glob"}, "matchType", "invalid_value"),
        ({"pattern": None}, "pattern", "required"),
        ({"pattern": " "}, "pattern", "required"),
        ({"pattern": "x" * 257}, "pattern", "invalid_length"),
        ({"matchType": "exact", "pattern": ""}, "pattern", "required"),
        ({"matchType": "regex", "pattern": ""}, "pattern", "required"),
        ({"matchType": "regex", "pattern": "(?=a)"}, "pattern", "invalid_pattern"),
        ({"matchType": "regex", "pattern": r"\pL{1000}"}, "pattern", "invalid_pattern"),
        ({"matchType": "regex", "pattern": "x" * 257}, "pattern", "invalid_length"),
        ({"fromFilter": "(bank"}, "fromFilter", "invalid_pattern"),
        ({"fromFilter": "x" * 257}, "fromFilter", "invalid_length"),
        ({"priority": 1_000_001}, "priority", "invalid_value"),
        ({"priority": -(10**30)}, "priority", "invalid_value"),
        ({"priority": 1.5}, "priority", "invalid_type"),
        ({"enabled": "yes"}, "enabled", "invalid_type"),
        ({"activeHours": {"from": "9:00", "until": "17:00"}}, "activeHours.from", "invalid_value"),
        (
            {"activeHours": {"from": "09:00", "until": "24:00"}},
            "activeHours.until",
            "invalid_value",
        ),
        ({"activeHours": {"from": "09:00"}}, "activeHours.until", "required"),
        ({"activeHours": {"from": "09:00", "until": "09:00"}}, "activeHours", "invalid_value"),
        ({"activeDays": ["monday"]}, "activeDays[0]", "invalid_value"),
        ({"activeDays": ["mon"] * 8}, "activeDays", "invalid_value"),
        ({"coolDownSeconds": -1}, "coolDownSeconds", "invalid_value"),
        ({"coolDownSeconds": 2_592_001}, "coolDownSeconds", "invalid_value"),
        ({"replyEnabled": True}, "replyTemplate", "required"),
        ({"replyEnabled": True, "replyTemplate": "\n"}, "replyTemplate", "required"),
        ({"replyTemplate": "x" * 1601}, "replyTemplate", "invalid_length"),
        ({"email": "desk"}, "email", "invalid_email"),
        ({"email": "a@example.com, b@example.com"}, "email", "invalid_email"),
        ({"email": "a@example.com\nBcc: b@example.com"}, "email", "invalid_email"),
        (
            {"email": f"desk@{'x' * 60}.{'y' * 60}.{'z' * 60}.{'w' * 60}.example"},
            "email",
            "invalid_length",
        ),
        ({"emailSubject": "x" * 201}, "emailSubject", "invalid_length"),
        ({"emailBody": "x" * 5001}, "emailBody", "invalid_length"),
        ({"webhook": "ftp://example.com"}, "webhook", "invalid_url"),
        ({"webhook": "http://127.0.0.1/in"}, "webhook", "invalid_url"),
        ({"webhook": "https://example.com/" + "x" * 2000}, "webhook", "invalid_url"),
        ({"forwardTo": "nobody"}, "forwardTo", "invalid_phone_number"),
        ({"addToGroup": "grp_x"}, "addToGroup", "not_found"),
    ],
)
def test_what_makes_no_sense_is_named_and_changes_nothing(call, change, path, code):
    answer = call("POST", "", PLAIN | change)
    assert (answer.status_code, issues_of(answer)) == (400, [(path, code)])
    assert Rule.objects.count() == 0


def test_patch_refuses_the_same(call):
    rule_id = call("POST", "", PLAIN).json()["id"]
    answer = call("PATCH", f"/{rule_id}", {"name": "New", "matchType": "regex", "pattern": "("})
    assert issues_of(answer) == [("pattern", "invalid_pattern")]
    assert Rule.objects.get().name == "Hours"


def test_all_that_is_wrong_is_named_at_once(call):
    wrong = {"name": "", "email": "desk", "webhook": "x", "forwardTo": "x", "addToGroup": "x"}
    assert issues_of(call("POST", "", PLAIN | wrong)) == [
        ("name", "required"),
        ("email", "invalid_email"),
        ("webhook", "invalid_url"),
        ("forwardTo", "invalid_phone_number"),
        ("addToGroup", "not_found"),
    ]


def test_refused_pattern_says_why(call):
    answer = call("POST", "", PLAIN | {"matchType": "regex", "pattern": "(?!a)b"})
    (issue,) = answer.json()["issues"]
    assert issue["message"] == (
        "This is no regular expression of RE2 (invalid perl operator: (?!). Lookaround, "
        "backreferences and possessive or atomic groups are not supported."
    )


def test_number_is_read_in_the_tenants_country(call):
    assert call("POST", "", PLAIN | {"forwardTo": "8123 0000"}).json()["forwardTo"] == "+6581230000"


def test_group_of_another_tenant_is_as_unknown_as_nobodys(call):
    foreign = Group.objects.create(tenant=TenantFactory(), name="Theirs")
    answer = call("POST", "", PLAIN | {"addToGroup": foreign.external_id})
    assert issues_of(answer) == [("addToGroup", "not_found")]


def test_fifty_first_rule_is_a_conflict_that_names_the_limit(call, tenant):
    RuleFactory.create_batch(50, tenant=tenant)
    answer = call("POST", "", PLAIN)
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")
    assert answer.json()["message"] == "There may be at most 50 rules. Delete one first."


def test_unknown_variable_is_saved_and_warned_about(call):
    answer = call("POST", "", PLAIN | {"replyEnabled": True, "replyTemplate": "Hi {{nmae}}"})
    assert (answer.status_code, answer.json()["warnings"]) == (
        201,
        [
            {
                "path": "replyTemplate",
                "code": "unknown_variable",
                "message": "{{nmae}} is empty: there is no such variable, and no contact has such "
                "a field.",
            }
        ],
    )


def test_list_has_the_rules_in_the_order_in_which_they_are_tried(call, tenant):
    rules = [RuleFactory(tenant=tenant, priority=priority) for priority in (20, 10, 20, -1)]
    RuleFactory()
    listed = call("GET").json()
    in_order = [rules[3], rules[1], rules[0], rules[2]]
    assert listed["data"] == [call("GET", f"/{rule.external_id}").json() for rule in in_order]


@pytest.mark.parametrize("count", [1, 3])
def test_list_takes_one_query(call, tenant, count, django_assert_num_queries):
    for n in range(count):
        group = Group.objects.create(tenant=tenant, name=f"{n}")
        rule = RuleFactory(tenant=tenant, add_to_group=group)
        RuleRun.objects.create(tenant=tenant, rule=rule, message_id=n)
    call("GET")  # now the key is known
    with django_assert_num_queries(1):
        assert len(call("GET").json()["data"]) == count


def test_last_match_is_shown(call, tenant):
    rule = RuleFactory(tenant=tenant)
    runs = [RuleRun.objects.create(tenant=tenant, rule=rule, message_id=n) for n in range(2)]
    shown = call("GET", f"/{rule.external_id}").json()
    assert shown["lastMatchedAt"] == iso(runs[1].created_at)


# --- Order and settings -----------------------------------------------------------------------


def test_reorder_answers_with_the_new_order(call, tenant):
    ids = [RuleFactory(tenant=tenant).external_id for _ in range(3)]
    answer = call("POST", "/reorder", {"ids": ids[::-1]})
    shown = [(rule["id"], rule["priority"]) for rule in answer.json()["data"]]
    assert (answer.status_code, shown) == (200, [(ids[2], 10), (ids[1], 20), (ids[0], 30)])


def test_reorder_of_some_or_of_others_is_refused(call, tenant):
    mine, foreign = RuleFactory(tenant=tenant), RuleFactory()
    answer = call("POST", "/reorder", {"ids": [foreign.external_id]})
    assert (answer.status_code, issues_of(answer)) == (
        400,
        [("ids[0]", "not_found"), ("ids", "incomplete")],
    )
    mine.refresh_from_db()
    assert mine.priority == 100


def test_settings_have_defaults_until_they_are_changed(call):
    defaults = {
        "enabled": True,
        "defaultReplyEnabled": False,
        "defaultReply": None,
        "forwardAll": True,
    }
    assert call("GET", "/settings").json() == defaults
    change = {"defaultReplyEnabled": True, "defaultReply": "Thanks {{nmae}}"}
    answer = call("PATCH", "/settings", change)
    (warning,) = answer.json()["warnings"]
    assert (answer.status_code, answer.json()) == (200, defaults | change | {"warnings": [warning]})
    assert (warning["path"], warning["code"]) == ("defaultReply", "unknown_variable")
    assert call("PATCH", "/settings", {"forwardAll": False}).json()["defaultReplyEnabled"] is True
    replaced = call("PUT", "/settings", {"enabled": False})
    assert replaced.json() == defaults | {"enabled": False, "warnings": []}


def test_settings_that_make_no_sense_are_named(call):
    answer = call("PATCH", "/settings", {"defaultReplyEnabled": True})
    assert (answer.status_code, issues_of(answer)) == (400, [("defaultReply", "required")])


def test_settings_are_each_tenants_own(call, tenant):
    configure(TenantFactory(), is_enabled=False)
    assert call("GET", "/settings").json()["enabled"] is True


# --- Access -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "", "rules:read"),
        ("POST", "", "rules:write"),
        ("GET", "/{id}", "rules:read"),
        ("PUT", "/{id}", "rules:write"),
        ("PATCH", "/{id}", "rules:write"),
        ("DELETE", "/{id}", "rules:write"),
        ("POST", "/reorder", "rules:write"),
        ("POST", "/test", "rules:read"),
        ("GET", "/settings", "rules:read"),
        ("PUT", "/settings", "rules:write"),
        ("PATCH", "/settings", "rules:write"),
        ("GET", "/runs", "rules:read"),
    ],
)
def test_each_request_needs_its_scope(client, tenant, method, path, scope):
    other = {"rules:read": "rules:write", "rules:write": "rules:read"}[scope]
    where = "/v1/rules" + path.format(id=RuleFactory(tenant=tenant).external_id)
    body = {"ids": [], "from": "x", "text": "x"} | PLAIN
    statuses = [
        client.generic(
            method,
            where,
            json.dumps(body),
            "application/json",
            headers=bearer(tenant, scopes=(held,)),
        ).status_code
        for held in (other, scope)
    ]
    assert [status == 403 for status in statuses] == [True, False]
