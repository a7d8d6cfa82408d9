"""Which of the last texts a rule in the editor would match."""

from datetime import timedelta
from html import unescape

import pytest
from django.utils import timezone

from devices.tests.factories import DeviceFactory
from messaging.tests.factories import MessageFactory
from rules.tests.factories import RuleFactory
from rules.tests.pages.helpers import inbound, queries, typed

pytestmark = pytest.mark.django_db


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
