"""Changing rules: what each change leaves, in the audit log too, and what is refused."""

import pytest
from django.db import transaction

from accounts.errors import Conflict, InvalidInput, NotFound
from accounts.tests.factories import TenantFactory, UserFactory
from messaging.models import Group
from messaging.tests.threads import at_once
from rules.advice import warnings_of
from rules.models import Rule, RuleEngineSettings, RuleRun
from rules.patterns import MAX_PROGRAM, compile_pattern
from rules.queries import contact_fields
from rules.services.rules import (
    change_settings,
    create_rule,
    delete_rule,
    reorder_rules,
    update_rule,
)
from rules.tests.factories import RuleFactory
from rules.wishes import RuleWish

pytestmark = pytest.mark.django_db

HALF = ".{0,90}x"  # more than half of what the patterns of a tenant may come to


@pytest.fixture
def tenant():
    return TenantFactory()


def create(tenant, name="Rule", match_type="any", **wanted) -> Rule:
    wish = RuleWish(name=name, match_type=match_type, **wanted)
    return create_rule(tenant=tenant, wish=wish, actor=None)


def issues_of(refused) -> list[tuple[str, str]]:
    return [(issue.path, issue.code) for issue in refused.value.issues]


def revision(tenant) -> int:
    return RuleEngineSettings.objects.get(tenant=tenant).revision


def test_rule_is_stored_as_wished(tenant):
    group = Group.objects.create(tenant=tenant, name="Leads")
    rule = create(
        tenant,
        name=" Hours ",
        match_type="regex",
        pattern="open|closed",
        active_days=(5, 1, 1),
        forward_to="8123 0000",
        group=group.external_id,
    )
    rule.refresh_from_db()
    assert (rule.name, rule.match_type, rule.pattern) == ("Hours", "regex", "open|closed")
    assert (rule.active_days, rule.forward_to, rule.add_to_group) == ([1, 5], "+6581230000", group)
    assert RuleWish.of(rule) == RuleWish(
        name="Hours",
        match_type="regex",
        pattern="open|closed",
        priority=10,
        active_days=(1, 5),
        forward_to="+6581230000",
        group=group.external_id,
    )


def test_rule_without_a_priority_is_the_last(tenant):
    create(tenant, priority=70)
    create(tenant, priority=-5)
    RuleFactory(priority=1000)
    assert create(tenant).priority == 80


def test_every_change_is_a_revision_and_an_audit_entry(tenant):
    alice = UserFactory(email="alice@example.com")
    revisions = []
    wish = RuleWish(name="Hours", match_type="any")
    rule = create_rule(tenant=tenant, wish=wish, actor=alice)
    revisions.append(revision(tenant))
    update_rule(rule=rule, changes={"name": "Open", "priority": 10}, actor=alice)
    revisions.append(revision(tenant))
    reorder_rules(tenant=tenant, ids=[rule.external_id], actor=alice)
    revisions.append(revision(tenant))
    delete_rule(rule=Rule.objects.get(), actor=alice)
    revisions.append(revision(tenant))
    change_settings(tenant=tenant, changes={"is_enabled": False}, actor=alice)
    assert revisions == [1, 2, 3, 4]
    entries = tenant.audit_entries.order_by("pk")
    assert [(entry.action, entry.target, entry.detail, entry.actor) for entry in entries] == [
        ("rule.created", rule.external_id, {"name": "Hours"}, alice),
        ("rule.updated", rule.external_id, {"name": "Open", "changed": ["name"]}, alice),
        ("rules.reordered", "", {"ids": [rule.external_id]}, alice),
        ("rule.deleted", rule.external_id, {"name": "Open"}, alice),
        ("rules.settings_changed", "", {"changed": ["is_enabled"]}, alice),
    ]


def test_what_is_refused_is_no_revision(tenant):
    create(tenant)
    with pytest.raises(InvalidInput), transaction.atomic():
        create(tenant, match_type="regex", pattern="(")
    with pytest.raises(InvalidInput), transaction.atomic():
        reorder_rules(tenant=tenant, ids=[], actor=None)
    assert (revision(tenant), tenant.audit_entries.count()) == (1, 1)


def test_change_of_one_field_leaves_the_others_of_another_one_alone(tenant):
    rule = create(tenant, name="Old", pattern="a")
    stale = Rule.objects.get()
    update_rule(rule=rule, changes={"name": "New"}, actor=None)
    update_rule(rule=stale, changes={"pattern": "b"}, actor=None)
    rule.refresh_from_db()
    assert (rule.name, rule.pattern) == ("New", "b")


def test_change_of_a_rule_that_is_gone_is_not_found(tenant):
    rule = create(tenant)
    Rule.objects.all().delete()
    with pytest.raises(NotFound):
        update_rule(rule=rule, changes={"name": "New"}, actor=None)


def test_fifty_rules_are_the_most(tenant):
    RuleFactory.create_batch(49, tenant=tenant)
    RuleFactory()
    create(tenant)
    with pytest.raises(Conflict, match="at most 50 rules"):
        create(tenant)


@pytest.mark.django_db(transaction=True)
def test_limit_holds_for_rules_that_are_made_at_once():
    tenant = TenantFactory()
    RuleFactory.create_batch(48, tenant=tenant)
    outcomes = at_once(*[lambda: _created(tenant)] * 4)
    assert (sorted(outcomes), Rule.objects.count()) == ([False, False, True, True], 50)


def _created(tenant) -> bool:
    try:
        create(tenant)
    except Conflict:
        return False
    return True


def test_patterns_of_all_rules_together_are_bounded(tenant):
    assert MAX_PROGRAM / 2 < compile_pattern(HALF).size < MAX_PROGRAM
    first = create(tenant, match_type="regex", pattern=HALF)
    for change in (
        lambda: create(tenant, match_type="regex", pattern=HALF),
        lambda: update_rule(
            rule=create(tenant), changes={"match_type": "regex", "pattern": HALF}, actor=None
        ),
    ):
        with pytest.raises(InvalidInput) as refused, transaction.atomic():
            change()
        assert issues_of(refused) == [("pattern", "too_large")]
    update_rule(rule=first, changes={"pattern": f"{HALF}y"}, actor=None)  # its own does not count
    create(tenant, match_type="contains", pattern=HALF)
    create(TenantFactory(), match_type="regex", pattern=HALF)
    assert Rule.objects.filter(match_type="regex").count() == 2


def test_reorder_gives_priorities_in_steps(tenant):
    rules = [create(tenant, name=name) for name in "abc"]
    RuleFactory(priority=3)
    wanted = [rules[2], rules[0], rules[1]]
    reorder_rules(tenant=tenant, ids=[rule.external_id for rule in wanted], actor=None)
    order = Rule.objects.filter(tenant=tenant).values_list("name", "priority")
    assert list(order) == [("c", 10), ("a", 20), ("b", 30)]


def test_reorder_wants_each_rule_once_and_no_other(tenant):
    first, second, third = (create(tenant, name=name) for name in "abc")
    foreign = RuleFactory()
    ids = [first.external_id, foreign.external_id, second.external_id, first.external_id, "x"]
    with pytest.raises(InvalidInput) as refused:
        reorder_rules(tenant=tenant, ids=ids, actor=None)
    assert issues_of(refused) == [
        ("ids[0]", "duplicate"),
        ("ids[1]", "not_found"),
        ("ids[3]", "duplicate"),
        ("ids[4]", "not_found"),
        ("ids", "incomplete"),
    ]
    assert refused.value.issues[-1].message == "Name all rules; 1 are missing: c."
    assert third.priority == 30


def test_deleted_rule_leaves_its_runs_with_its_name(tenant):
    rule = create(tenant, name="Hours")
    run = RuleRun.objects.create(tenant=tenant, rule=rule, rule_name=rule.name, message_id=0)
    delete_rule(rule=rule, actor=None)
    assert RuleRun.objects.values("rule", "rule_name").get(pk=run.pk) == {
        "rule": None,
        "rule_name": "Hours",
    }


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"default_reply_enabled": True}, "required"),
        ({"default_reply_enabled": True, "default_reply": "  "}, "required"),
        ({"default_reply": "x" * 1601}, "invalid_length"),
    ],
)
def test_settings_that_make_no_sense_are_refused(tenant, changes, code):
    with pytest.raises(InvalidInput) as refused, transaction.atomic():
        change_settings(tenant=tenant, changes=changes, actor=None)
    assert issues_of(refused) == [("defaultReply", code)]
    assert RuleEngineSettings.objects.count() == 0


def test_settings_keep_what_is_not_named(tenant):
    on = {"default_reply_enabled": True, "default_reply": "Hi"}
    change_settings(tenant=tenant, changes=on, actor=None)
    change_settings(tenant=tenant, changes={"forwards_all": False}, actor=None)
    settings = RuleEngineSettings.objects.get()
    assert (settings.is_enabled, settings.forwards_all) == (True, False)
    assert (settings.default_reply_enabled, settings.default_reply) == (True, "Hi")


# --- Warnings ---------------------------------------------------------------------------------


def warned(rule: Rule) -> list[tuple[str, str]]:
    return [(warning.path, warning.code) for warning in warnings_of(rule)]


def test_rule_without_an_action_is_warned_about(tenant):
    rule = create(tenant)
    assert warned(rule) == [("", "no_action")]
    rule.opt_out = True
    assert warned(rule) == []


def test_pattern_that_fits_everything_is_warned_about(tenant):
    patterns = ("a*", "a?|b", "a+")
    rules = [
        create(tenant, match_type="regex", pattern=pattern, opt_out=True) for pattern in patterns
    ]
    everything = [("pattern", "matches_everything")]
    assert [warned(rule) for rule in rules] == [everything, everything, []]


def test_variables_that_nobody_has_are_warned_about(tenant):
    known = "{{from}} {{text}} {{ref}} {{now}} {{tenantName}} {{deviceId}} {{name}} {{ city }}"
    rule = create(
        tenant,
        reply_enabled=True,
        reply_template=f"{known} {{{{From}}}} {{{{plan}}}}",
        email="desk@example.com",
        email_subject="{{subject}}",
    )
    tenant.contacts.create(number="+6581230000", fields={"city": "Berlin", "plan": "basic"})
    tenant.contacts.create(number="+6581230001", fields={})
    TenantFactory().contacts.create(number="+6581230000", fields={"From": "x", "subject": "x"})
    assert warned(rule) == [
        ("replyTemplate", "unknown_variable"),
        ("emailSubject", "unknown_variable"),
    ]
    assert [warning.message for warning in warnings_of(rule)] == [
        "{{From}} is empty: there is no such variable, and no contact has such a field.",
        "{{subject}} is empty: there is no such variable, and no contact has such a field.",
    ]


def test_templates_that_are_not_used_are_not_warned_about(tenant):
    unused = {"reply_template": "{{oops}}", "email_subject": "{{oops}}", "email_body": "{{oops}}"}
    assert warned(create(tenant, opt_out=True, **unused)) == []


def test_known_variables_cost_no_query(tenant, django_assert_num_queries):
    rule = create(tenant, reply_enabled=True, reply_template="{{from}} {{name}}")
    with django_assert_num_queries(0):
        assert warned(rule) == []


def test_hundreds_of_unknown_variables_are_some_warnings(tenant):
    names = "".join(f"{{{{{n}}}}}" for n in range(200))
    rule = create(tenant, reply_enabled=True, reply_template=names)
    assert len(warnings_of(rule)) == 20


def test_contact_fields_are_the_names_of_all_contacts_of_the_tenant(tenant):
    tenant.contacts.create(number="1", fields={"a": "1", "b": "2"})
    tenant.contacts.create(number="2", fields={"b": "3"})
    TenantFactory().contacts.create(number="1", fields={"c": "1"})
    assert contact_fields(tenant) == {"a", "b"}
