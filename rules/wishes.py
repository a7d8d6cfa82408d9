"""How a rule is to be, and whether that makes sense."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from accounts.errors import InvalidInput, Issue
from accounts.ids import decode_id
from accounts.models import Tenant
from accounts.web_addresses import InvalidWebAddress, check_web_address
from devices.numbers import InvalidNumber, parse_number
from messaging.models import Group
from messaging.templates import MAX_TEMPLATE
from rules.matching import sender_test
from rules.models import Rule
from rules.patterns import MAX_LENGTH, InvalidPattern, compile_pattern
from rules.plans import MAX_SUBJECT

MAX_NAME = 100
MAX_EMAIL_ADDRESS = 254  # RFC 5321, 4.5.3.1.3
MAX_BODY = 5000  # characters of an e-mail's template
MAX_PRIORITY = 1_000_000  # either side of 0
MAX_COOL_DOWN = 30 * 86_400  # seconds

_LENGTHS = (
    ("name", "name", MAX_NAME),
    ("pattern", "pattern", MAX_LENGTH),
    ("from_filter", "fromFilter", MAX_LENGTH),
    ("reply_template", "replyTemplate", MAX_TEMPLATE),
    ("email", "email", MAX_EMAIL_ADDRESS),
    ("email_subject", "emailSubject", MAX_SUBJECT),
    ("email_body", "emailBody", MAX_BODY),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleWish:
    """All that a tenant chooses. Without a priority a new rule is the last, and an old one stays.

    `group` is a `grp_…` id; days are ISO weekdays, 1 = Monday; hours are on the tenant's clock.
    """

    name: str
    match_type: str
    pattern: str = ""
    from_filter: str = ""
    priority: int | None = None
    is_enabled: bool = True
    active_from: time | None = None
    active_until: time | None = None
    active_days: tuple[int, ...] = ()
    cool_down_seconds: int = 0
    reply_enabled: bool = False
    reply_template: str = ""
    email: str = ""
    email_subject: str = ""
    email_body: str = ""
    webhook: str = ""
    forward_to: str = ""
    group: str = ""
    opt_out: bool = False

    @classmethod
    def of(cls, rule: Rule) -> RuleWish:
        """As the rule is."""
        group = rule.add_to_group.external_id if rule.add_to_group else ""
        same = [field.name for field in fields(cls) if field.name not in ("group", "active_days")]
        return cls(
            **{name: getattr(rule, name) for name in same},
            group=group,
            active_days=tuple(rule.active_days),
        )


def columns_of(wish: RuleWish, tenant: Tenant) -> dict[str, Any]:
    """`wish` as a rule of `tenant` stores it, priority left out if there is none.

    Raises InvalidInput with every issue, by the API's field names.
    """
    issues = [*_issues_of_match(wish, tenant), *_issues_of_actions(wish)]
    columns = {field.name: getattr(wish, field.name) for field in fields(wish)}
    columns |= {"name": wish.name.strip(), "active_days": sorted(set(wish.active_days))}
    if wish.priority is None:
        del columns["priority"]
    try:
        if wish.forward_to:
            columns["forward_to"] = parse_number(wish.forward_to, tenant.default_country)
    except InvalidNumber as error:
        issues.append(Issue("forwardTo", "invalid_phone_number", str(error)))
    columns["add_to_group"] = _group_of(tenant, columns.pop("group"))
    if wish.group and columns["add_to_group"] is None:
        issues.append(Issue("addToGroup", "not_found", "There is no such group."))
    if issues:
        raise InvalidInput(issues=tuple(issues))
    return columns


def _issues_of_match(wish: RuleWish, tenant: Tenant) -> Iterator[Issue]:
    for attribute, field, most in _LENGTHS:
        if len(getattr(wish, attribute)) > most:
            text = f"{field} may have at most {most:,} characters."
            yield Issue(field, "invalid_length", text)
    if not wish.name.strip():
        yield Issue("name", "required", "Give the rule a name.")
    yield from _issues_of_patterns(wish, tenant)
    if wish.priority is not None and abs(wish.priority) > MAX_PRIORITY:
        text = f"priority is a number between -{MAX_PRIORITY:,} and {MAX_PRIORITY:,}."
        yield Issue("priority", "invalid_value", text)
    yield from _issues_of_times(wish)


def _issues_of_patterns(wish: RuleWish, tenant: Tenant) -> Iterator[Issue]:
    kinds = Rule.MatchType
    if wish.match_type not in kinds.values:
        text = f"matchType is one of {', '.join(kinds.values)}."
        yield Issue("matchType", "invalid_value", text)
    elif wish.match_type != kinds.ANY and not wish.pattern.strip():
        text = "Give a pattern, or match any text."
        yield Issue("pattern", "required", text)
    try:
        if wish.match_type == kinds.REGEX and len(wish.pattern) <= MAX_LENGTH:
            compile_pattern(wish.pattern)
    except InvalidPattern as error:
        yield Issue("pattern", "invalid_pattern", str(error))
    try:
        if len(wish.from_filter) <= MAX_LENGTH:
            sender_test(wish.from_filter, tenant.default_country)
    except InvalidPattern as error:
        yield Issue("fromFilter", "invalid_pattern", str(error))


def _issues_of_times(wish: RuleWish) -> Iterator[Issue]:
    start, end = wish.active_from, wish.active_until
    if (start is None) != (end is None):
        yield Issue("activeHours", "required", "Give both from and until, or no activeHours.")
    elif start is not None and start == end:
        text = "from and until must differ; for the whole day leave activeHours out."
        yield Issue("activeHours", "invalid_value", text)
    if not set(wish.active_days) <= set(range(1, 8)):
        yield Issue("activeDays", "invalid_value", "activeDays are days of the week.")
    if not 0 <= wish.cool_down_seconds <= MAX_COOL_DOWN:
        text = f"coolDownSeconds is between 0 and {MAX_COOL_DOWN:,}, which is 30 days."
        yield Issue("coolDownSeconds", "invalid_value", text)


def _issues_of_actions(wish: RuleWish) -> Iterator[Issue]:
    if wish.reply_enabled and not wish.reply_template.strip():
        yield Issue("replyTemplate", "required", "Give the text of the reply.")
    try:
        if wish.email:
            validate_email(wish.email)
    except ValidationError:
        text = "email is one e-mail address, such as desk@example.com."
        yield Issue("email", "invalid_email", text)
    try:
        if wish.webhook:
            check_web_address(wish.webhook)
    except InvalidWebAddress as error:
        yield Issue("webhook", "invalid_url", str(error))


def _group_of(tenant: Tenant, external_id: str) -> Group | None:
    public_id = decode_id(Group.ID_PREFIX, external_id) if external_id else None
    return Group.objects.filter(tenant=tenant, public_id=public_id).first() if public_id else None
