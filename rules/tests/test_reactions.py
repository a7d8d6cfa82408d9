"""What an inbound text leads to: a run, its actions, and what receivers are told."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.db import connection, transaction
from django.utils import timezone

from accounts.tests.factories import TenantFactory
from devices.tests.factories import DeviceFactory
from messaging.events import Reaction
from messaging.models import Contact, Group, Message
from messaging.services.inbound import InboundText, receive_message
from messaging.tests.factories import MessageFactory, change
from messaging.tests.threads import at_once
from rules.models import Rule, RuleAction, RuleEngineSettings, RuleRun
from rules.queries import engine_of
from rules.services.actions import perform_run
from rules.services.reactions import react
from rules.tests.factories import RuleFactory, bump, configure

pytestmark = pytest.mark.django_db

SENDER = "+6581230000"


@pytest.fixture
def device():
    return DeviceFactory(tenant=TenantFactory(name="Alice's shop"))


@pytest.fixture
def rule(device):
    """A function that makes a rule of the device's tenant."""
    return lambda **columns: RuleFactory(tenant=device.tenant, **columns)


@pytest.fixture
def stored(device):
    """A function that stores an inbound text."""

    def store(text="Hello", sender=SENDER, **columns) -> Message:
        message = MessageFactory(
            inbound=True, device=device, sender=sender, text=text, created_at=timezone.now()
        )
        change(message, **columns)
        return message

    return store


@pytest.fixture
def received(stored):
    """A function that has a text come in and says what rules made of it."""

    def receive(text="Hello", sender=SENDER, **columns) -> Reaction:
        return react(message=stored(text, sender, **columns), text=text)

    return receive


def payloads() -> dict[str, dict]:
    """Kind -> payload of all actions."""
    return dict(RuleAction.objects.values_list("kind", "payload"))


# --- Which rule -------------------------------------------------------------------------------


def test_match_is_told_and_written_down(device, rule, received):
    matched = rule(name="Hours", match_type="contains", pattern="open", priority=1)
    assert received("Are you OPEN?") == Reaction(matched.external_id, True)
    run = RuleRun.objects.get()
    assert (run.tenant, run.rule, run.rule_name, run.sender, run.skipped) == (
        device.tenant,
        matched,
        "Hours",
        SENDER,
        "",
    )
    assert run.message == Message.objects.get()


def test_lowest_priority_wins_and_then_the_oldest(rule, received):
    rule(priority=20)
    first, _ = rule(priority=10), rule(priority=10)
    rule(priority=5, match_type="exact", pattern="something else")
    rule(priority=1, is_enabled=False)
    assert received().rule_id == first.external_id


def test_rule_outside_of_its_hours_leaves_the_text_to_the_next(device, rule, received):
    change(device.tenant, time_zone="Asia/Singapore")
    day = rule(priority=1, active_from="09:00", active_until="17:00")
    night = rule(priority=2)
    matched = []
    for utc in ("2026-06-12T00:59Z", "2026-06-12T01:00Z", "2026-06-12T09:00Z"):
        with time_machine.travel(utc, tick=False):
            matched.append(received().rule_id)
    assert matched == [night.external_id, day.external_id, night.external_id]


def test_rules_of_others_are_not_asked(received):
    RuleFactory()
    assert (received(), RuleRun.objects.count()) == (Reaction(), 0)


def test_what_a_rule_sent_is_not_matched(rule, received):
    rule()
    assert (received(origin="rule"), RuleRun.objects.count()) == (Reaction(), 0)


def test_engine_that_is_off_matches_nothing_and_keeps_nothing_from_anyone(device, rule, received):
    rule()
    configure(device.tenant, is_enabled=False, forwards_all=False, default_reply_enabled=True)
    assert (received(), RuleRun.objects.count()) == (Reaction("", True), 0)


def test_forward_all_off_leaves_only_matched_texts_to_the_endpoints(device, rule, received):
    matched = rule(match_type="exact", pattern="order")
    configure(device.tenant, forwards_all=False)
    assert received("order") == Reaction(matched.external_id, True)
    assert received("other") == Reaction("", False)


# --- Actions ----------------------------------------------------------------------------------


def test_every_action_is_written_down_with_its_texts(device, rule, received, posted):
    group = Group.objects.create(tenant=device.tenant, name="Leads")
    matched = rule(
        reply_enabled=True,
        reply_template="Thanks, {{from}}!",
        email="desk@example.com",
        email_subject="{{tenantName}}:\n {{text}}",
        email_body="{{text}} at {{now}} on {{deviceId}}",
        webhook="https://example.com/in",
        forward_to="+6590000000",
        add_to_group=group,
        opt_out=True,
    )
    with time_machine.travel("2026-06-12T18:40:30Z", tick=False):
        received("Two\nlines")
    assert payloads() == {
        "reply": {"to": SENDER, "text": f"Thanks, {SENDER}!"},
        "email": {
            "to": "desk@example.com",
            "subject": "Alice's shop: Two lines",
            "body": f"Two\nlines at 2026-06-12 18:40 on {device.external_id}",
        },
        "webhook": {"url": "https://example.com/in"},
        "forward": {"to": "+6590000000", "text": f"{SENDER}: Two\nlines"},
        "add_to_group": {"group_id": group.pk},
        "opt_out": {},
    }
    assert list(RuleAction.objects.values_list("kind", "status")) == [
        ("reply", "pending"),
        ("email", "pending"),
        ("webhook", "done"),
        ("forward", "pending"),
        ("add_to_group", "pending"),
        ("opt_out", "pending"),
    ]
    message = Message.objects.get()
    assert posted == [
        {
            "message": message,
            "text": "Two\nlines",
            "url": "https://example.com/in",
            "matched_rule_id": matched.external_id,
        }
    ]


def test_webhook_is_done_when_it_is_queued(rule, received, posted):
    rule(webhook="https://example.com/in")
    received()
    action = RuleAction.objects.get()
    assert (action.result, action.next_attempt_at) == ("evt_1", None)
    assert action.finished_at is not None


def test_poster_that_breaks_leaves_nothing_half_done(settings, rule, received):
    settings.INBOUND_POSTERS = ["rules.tests.posting.refuse"]
    rule(reply_enabled=True, reply_template="Hi", webhook="https://example.com/in")
    with pytest.raises(RuntimeError), transaction.atomic():
        received()
    assert (RuleRun.objects.count(), RuleAction.objects.count()) == (0, 0)


def test_work_is_nudged_after_the_commit_and_only_if_there_is_any(
    rule, received, posted, django_capture_on_commit_callbacks
):
    rule(reply_enabled=True, reply_template="Hi", match_type="exact", pattern="hi")
    rule(webhook="https://example.com/in")
    counts = []
    for text in ("hi", "other"):
        with django_capture_on_commit_callbacks() as callbacks:
            received(text)
        counts.append(len(callbacks))
    assert counts == [1, 0]
    with django_capture_on_commit_callbacks() as callbacks:
        received("hi")
    assert [callback.args for callback in callbacks] == [(RuleRun.objects.latest("pk").pk,)]


def test_reply_that_is_switched_off_is_not_sent(rule, received):
    rule(reply_enabled=False, reply_template="Hi")
    received()
    assert payloads() == {}


@pytest.mark.parametrize("sender", ["DBS-Bank", "", "*100#"])
def test_reply_to_a_sender_that_cannot_receive_is_skipped_with_the_reason(rule, received, sender):
    rule(reply_enabled=True, reply_template="Hi", email="desk@example.com")
    received(sender=sender)
    reply, email = RuleAction.objects.all()
    assert (reply.status, reply.error_code, reply.next_attempt_at) == (
        "skipped",
        "cannot_receive",
        None,
    )
    assert reply.error == "The sender is no number that can be answered."
    assert (email.status, reply.finished_at is None) == ("pending", False)


@pytest.mark.parametrize("sender", ["+6581230000", "72227", "+4915112345678"])
def test_reply_to_numbers_and_short_codes_is_work_to_do(rule, received, sender):
    rule(reply_enabled=True, reply_template="Hi")
    received(sender=sender)
    assert RuleAction.objects.get().status == "pending"


def test_reply_of_which_nothing_is_left_is_skipped(rule, received):
    rule(reply_enabled=True, reply_template="{{nothing}} ")
    received()
    action = RuleAction.objects.get()
    assert (action.status, action.error_code) == ("skipped", "empty_text")


def test_skipped_reply_keeps_no_text_of_a_tenant_that_keeps_none(device, rule, received):
    change(device.tenant, keep_inbound=False)
    rule(reply_enabled=True, reply_template="You wrote {{text}}")
    received("a secret", sender="DBS-Bank")
    assert payloads() == {"reply": {}}


def test_long_texts_are_cut_to_what_can_be_sent(rule, received):
    rule(
        reply_enabled=True,
        reply_template="{{text}}" * 3,
        forward_to="+6590000000",
        email="desk@example.com",
        email_subject="{{text}}",
    )
    received("x" * 10_000)
    found = payloads()
    lengths = (len(found[kind]["text"]) for kind in ("reply", "forward"))
    assert [*lengths, len(found["email"]["subject"]), len(found["email"]["body"])] == [
        1600,
        1600,
        200,
        10_000,
    ]


def test_default_reply_answers_what_no_rule_matched(device, rule, received):
    rule(match_type="exact", pattern="order")
    configure(device.tenant, default_reply_enabled=True, default_reply="We got {{text}}")
    assert received("Hello") == Reaction("", True)
    run = RuleRun.objects.get()
    assert (run.rule, run.rule_name) == (None, "Default reply")
    assert payloads() == {"reply": {"to": SENDER, "text": "We got Hello"}}


def test_default_reply_that_is_off_leaves_no_trace(device, received):
    configure(device.tenant, default_reply_enabled=False, default_reply="We got it")
    assert (received(), RuleRun.objects.count()) == (Reaction(), 0)


def test_what_is_written_down_can_be_done(device, rule):
    group = Group.objects.create(tenant=device.tenant, name="Leads")
    rule(
        reply_enabled=True,
        reply_template="Hi {{from}}",
        forward_to="+6590000000",
        add_to_group=group,
        opt_out=True,
    )
    receive_message(device=device, inbound=InboundText("key", SENDER, "Hello"))
    run = RuleRun.objects.get()
    assert perform_run(run_id=run.pk) == 4
    assert list(run.actions.values_list("kind", "status")) == [
        ("reply", "done"),
        ("forward", "done"),
        ("add_to_group", "done"),
        ("opt_out", "done"),
    ]
    sent = Message.objects.filter(direction="outbound").order_by("pk")
    assert list(sent.values_list("recipient", "text")) == [
        (SENDER, f"Hi {SENDER}"),
        ("+6590000000", f"{SENDER}: Hello"),
    ]
    assert [contact.number for contact in group.contacts.all()] == [SENDER]
    assert device.tenant.opt_outs.get().number == SENDER


# --- Variables --------------------------------------------------------------------------------


def reply_of(rule, received, template: str, text="Hello") -> str:
    """What `template` becomes."""
    made = rule(reply_enabled=True, reply_template=f"{template}.")
    received(text)
    made.delete()
    bump(made.tenant)
    return RuleAction.objects.latest("pk").payload["text"].removesuffix(".")


def test_ref_is_that_of_the_last_message_to_the_sender(device, rule, received):
    for ref, recipient in (("first", SENDER), ("second", SENDER), ("other", "+6590000000")):
        MessageFactory(device=device, recipient=recipient, ref=ref)
    MessageFactory(device=DeviceFactory(), recipient=SENDER, ref="another tenant's")
    MessageFactory(inbound=True, device=device, sender=SENDER, recipient=SENDER, ref="inbound")
    assert reply_of(rule, received, "{{ref}}") == "second"


def test_contact_gives_its_name_and_its_own_fields(device, rule, received):
    Contact.objects.create(
        tenant=device.tenant,
        number=SENDER,
        name="Ann",
        fields={"city": "Berlin", "from": "spoofed", "name": "spoofed", "plan": 3},
    )
    Contact.objects.create(tenant=TenantFactory(), number=SENDER, name="Bob", fields={"city": "X"})
    template = "{{name}} {{city}} {{plan}} {{from}} {{other}}"
    assert reply_of(rule, received, template) == f"Ann Berlin 3 {SENDER} "


def test_variables_of_which_nothing_is_known_are_empty(rule, received):
    assert reply_of(rule, received, "[{{ref}}{{name}}{{city}}{{oops}}]") == "[]"


def test_text_with_braces_is_not_read_as_a_template(rule, received):
    assert reply_of(rule, received, "{{text}}", text="{{tenantName}}") == "{{tenantName}}"


def test_now_is_on_the_tenants_clock(device, rule, received):
    change(device.tenant, time_zone="America/New_York")
    with time_machine.travel(datetime(2026, 12, 1, 2, 5, tzinfo=UTC), tick=False):
        assert reply_of(rule, received, "{{now}}") == "2026-11-30 21:05"


# --- Cool-down --------------------------------------------------------------------------------


def test_cool_down_matches_and_stops_and_does_nothing(rule, received):
    cooling = rule(priority=1, cool_down_seconds=600, reply_enabled=True, reply_template="Hi")
    rule(priority=2)
    skipped = []
    with time_machine.travel("2026-06-12T12:00Z", tick=False) as now:
        for seconds in (0, 599, 600, 1):
            now.shift(seconds)
            assert received() == Reaction(cooling.external_id, True)
            skipped.append(RuleRun.objects.latest("pk").skipped)
    # Skipped runs do not prolong it: the third comes 1,199 s after the first.
    assert skipped == ["", "cool_down", "", "cool_down"]
    assert RuleAction.objects.count() == 2


def test_cool_down_is_each_senders_and_each_rules_own(rule, received):
    first = rule(priority=1, cool_down_seconds=600, match_type="exact", pattern="a")
    second = rule(priority=2, cool_down_seconds=600)
    for text, sender in (("a", SENDER), ("b", SENDER), ("a", "+6590000000"), ("b", SENDER)):
        received(text, sender=sender)
    runs = RuleRun.objects.order_by("pk").values_list("rule", "skipped")
    assert list(runs) == [
        (first.pk, ""),
        (second.pk, ""),
        (first.pk, ""),
        (second.pk, "cool_down"),
    ]


@pytest.mark.django_db(transaction=True)
def test_cool_down_holds_for_texts_that_come_at_once():
    devices = [DeviceFactory()]
    devices += DeviceFactory.create_batch(3, tenant=devices[0].tenant)
    RuleFactory(tenant=devices[0].tenant, cool_down_seconds=600)

    def receive(device):
        return lambda: receive_message(device=device, inbound=InboundText("key", SENDER, "Hi"))

    at_once(*map(receive, devices))
    skipped = RuleRun.objects.order_by("skipped").values_list("skipped", flat=True)
    assert list(skipped) == ["", "cool_down", "cool_down", "cool_down"]


# --- The engine's memory ----------------------------------------------------------------------


def test_change_of_a_rule_is_seen_at_once(rule, received):
    made = rule(match_type="exact", pattern="a")
    assert received("b").rule_id == ""
    change(made, pattern="b")
    assert received("b").rule_id == ""  # nobody said so
    bump(made.tenant)
    assert received("b").rule_id == made.external_id


def test_change_by_another_process_is_seen_at_once(device, rule, received):
    """Nothing is cleared in here: only what the other process writes."""
    rule(match_type="exact", pattern="a")
    assert received("b").rule_id == ""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE rules_rule SET pattern = 'b'")
        cursor.execute("UPDATE rules_ruleenginesettings SET revision = revision + 1")
    assert received("b").rule_id == Rule.objects.get().external_id


def test_settings_and_time_zone_need_no_revision(device, rule, received):
    rule(active_from="09:00", active_until="17:00")
    with time_machine.travel("2026-06-12T00:30Z", tick=False):
        assert received().rule_id == ""
        change(device.tenant, time_zone="Asia/Tokyo")
        assert received().rule_id != ""
        configure(device.tenant, is_enabled=False)
        assert received().rule_id == ""


def test_country_of_the_tenant_is_part_of_what_is_remembered(device, rule, received):
    rule(from_filter="0151 12345678")
    sender = "+4915112345678"
    assert received(sender=sender).rule_id == ""
    change(device.tenant, default_country="DE")
    assert received(sender=sender).rule_id != ""


def test_engines_of_two_tenants_are_two(device, rule):
    other = RuleFactory()
    mine = rule()
    assert [
        [compiled.rule for compiled in engine_of(tenant.pk).rules]
        for tenant in (device.tenant, other.tenant)
    ] == [[mine], [other]]
    revisions = RuleEngineSettings.objects.values_list("revision", flat=True)
    assert list(revisions) == [1, 1]


# --- Queries ----------------------------------------------------------------------------------


def test_text_that_nothing_matches_costs_one_query(
    rule, received, stored, django_assert_num_queries
):
    for n in range(5):
        rule(match_type="exact", pattern=f"{n}")
    received()  # now the rules are known
    message = stored()
    with django_assert_num_queries(1):
        react(message=message, text=message.text)


@pytest.mark.parametrize(
    ("columns", "count"),
    [
        ({}, 3),  # settings, run, actions
        ({"cool_down_seconds": 1}, 4),
        ({"reply_template": "{{from}} {{text}} {{now}} {{tenantName}}"}, 3),
        ({"reply_template": "{{ref}} {{ref}}"}, 4),
        ({"reply_template": "{{deviceId}}"}, 4),
        ({"reply_template": "{{name}} {{city}} {{street}}"}, 4),
        ({"email": "desk@example.com", "email_body": "{{name}} {{ref}} {{deviceId}}"}, 6),
    ],
)
def test_match_costs_two_queries_more_and_variables_only_those_that_are_used(
    rule, received, stored, columns, count, django_assert_num_queries
):
    rule(**{"reply_enabled": True, "reply_template": "Hi"} | columns)
    received(sender="+6590000000")
    message = stored()
    with django_assert_num_queries(count):
        react(message=message, text=message.text)


def test_runs_are_made_at_the_time_of_their_message(rule, received):
    rule()
    received()
    run = RuleRun.objects.get()
    assert run.created_at == run.message.created_at
    assert timezone.now() - run.created_at < timedelta(minutes=1)
