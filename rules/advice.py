"""What is legal in a rule but perhaps not meant; told when it is saved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from accounts.errors import Issue
from accounts.models import Tenant
from messaging.templates import variables_in
from rules.models import Rule
from rules.patterns import compile_pattern
from rules.plans import VARIABLES, templates_of
from rules.queries import contact_fields

_FIELDS = {
    "reply_template": "replyTemplate",
    "email_subject": "emailSubject",
    "email_body": "emailBody",
}
_MOST = 20  # warnings about variables
_MAX_SHOWN = 40  # characters of a variable's name


def warnings_of(rule: Rule) -> list[Issue]:
    """Variables that nobody has, a pattern that fits everything, a rule that does nothing."""
    templates = {_FIELDS[name]: template for name, template in templates_of(rule).items()}
    return [
        *unknown_variables(rule.tenant, templates),
        *_of_pattern(rule),
        *_of_actions(rule),
    ]


def unknown_variables(tenant: Tenant, templates: Mapping[str, str]) -> list[Issue]:
    """A warning for each variable of `templates` (field -> template) that is always empty.

    A query looks for contacts that have such a field; none if all variables are ours.
    """
    unknown = [
        (field, name)
        for field, template in templates.items()
        for name in sorted(variables_in(template) - VARIABLES)
    ]
    known = contact_fields(tenant) if unknown else set()
    return [
        Issue(
            field,
            "unknown_variable",
            f"{{{{{name[:_MAX_SHOWN]}}}}} is empty: there is no such variable, and no contact has "
            "such a field.",
        )
        for field, name in unknown
        if name not in known
    ][:_MOST]


def _of_pattern(rule: Rule) -> Iterator[Issue]:
    if rule.match_type == Rule.MatchType.REGEX and compile_pattern(rule.pattern).is_in(""):
        yield Issue("pattern", "matches_everything", "The pattern fits a text with nothing in it.")


def _of_actions(rule: Rule) -> Iterator[Issue]:
    actions = (rule.reply_enabled, rule.email, rule.webhook, rule.forward_to, rule.opt_out)
    if not any(actions) and rule.add_to_group_id is None:
        yield Issue(
            "", "no_action", "The rule does nothing but keep the rules after it from being tried."
        )
