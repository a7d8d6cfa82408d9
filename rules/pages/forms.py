"""What people type about rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms

from accounts.errors import InvalidInput
from accounts.models import Tenant
from messaging.models import Group
from messaging.templates import MAX_TEMPLATE
from rules.models import Rule, RuleEngineSettings
from rules.pages.words import DAYS, UNITS, amount_of
from rules.patterns import MAX_LENGTH
from rules.plans import MAX_SUBJECT
from rules.wishes import MAX_BODY, MAX_COOL_DOWN, MAX_EMAIL_ADDRESS, MAX_NAME, RuleWish, columns_of

# The service's names of what a form calls otherwise.
_FIELDS = {
    "matchType": "match_type",
    "fromFilter": "from_filter",
    "activeDays": "active_days",
    "coolDownSeconds": "cool_down",
    "replyTemplate": "reply_template",
    "emailSubject": "email_subject",
    "emailBody": "email_body",
    "forwardTo": "forward_to",
    "addToGroup": "add_to_group",
}
# Sentences of the API that name its fields.
_SENTENCES = {"invalid_email": "Give one e-mail address, such as desk@example.com."}
# Switches whose rule needs a further field: without it they would be off again after saving.
_NEEDED = (
    ("does_email", "email", "Give the address to write to."),
    ("does_webhook", "webhook", "Give the URL to post to."),
    ("does_forward", "forward_to", "Give the number to forward to."),
    ("does_group", "add_to_group", "Choose a group."),
)
# What the editor keeps folded in for as long as it says nothing.
_NARROWING = ("from_filter", "active_days", "active_from", "active_until")
_FURTHER = ("does_email", "does_webhook", "does_forward", "does_group", "opt_out", "cool_down")
_DETAILS = (*(name for _, name, _ in _NEEDED), "email_subject", "email_body", "cool_down_unit")
_SAME = (
    *("name", "is_enabled", "match_type", "pattern", "from_filter", "active_from", "active_until"),
    *("reply_enabled", "reply_template", "email_subject", "email_body", "opt_out"),
)


class TextField(forms.CharField):
    """Text of several lines as it is sent: browsers post CR LF, of which each is a character."""

    def __init__(self, *, rows: int, **kwargs: Any) -> None:
        attrs = {"rows": rows, "data-template": ""}
        super().__init__(required=False, strip=False, widget=forms.Textarea(attrs), **kwargs)

    def to_python(self, value: Any) -> str:
        return (super().to_python(value) or "").replace("\r\n", "\n")


def _line(label: str, most: int, **attrs: str) -> forms.CharField:
    widget = forms.TextInput({"autocomplete": "off", **attrs})
    return forms.CharField(label=label, max_length=most, required=False, strip=False, widget=widget)


def _clock(label: str) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, required=False, widget=widget)


def _switch(label: str, help_text: str = "") -> forms.BooleanField:
    widget = forms.CheckboxInput({"class": "switch", "role": "switch"})
    return forms.BooleanField(label=label, help_text=help_text, required=False, widget=widget)


class RuleForm(forms.Form):
    """A whole rule. What the service would refuse is said here already, all at once."""

    name = _line("Name", MAX_NAME)
    is_enabled = _switch("On")
    match_type = forms.ChoiceField(
        label="A text matches when it",
        choices=[
            ("contains", "contains"),
            ("exact", "is exactly"),
            ("regex", "fits a pattern"),
            ("any", "is any text"),
        ],
        widget=forms.RadioSelect,
    )
    pattern = _line(
        "Words to look for",
        MAX_LENGTH,
        spellcheck="false",
        autocapitalize="off",
        placeholder="hours",
    )
    from_filter = _line("Only from", MAX_LENGTH, placeholder="+65 or part of a number")
    active_days = forms.TypedMultipleChoiceField(
        label="Only on",
        choices=list(enumerate(DAYS, start=1)),
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    active_from = _clock("Between")
    active_until = _clock("And")
    reply_enabled = _switch("Reply", "Answers the sender by SMS.")
    reply_template = TextField(label="Text of the reply", max_length=MAX_TEMPLATE, rows=3)
    does_email = _switch("Send an e-mail", "To a person or a help desk.")
    email = _line("To", MAX_EMAIL_ADDRESS, inputmode="email", placeholder="desk@example.com")
    email_subject = _line("Subject", MAX_SUBJECT, **{"data-template": ""})
    email_body = TextField(label="Text of the e-mail", max_length=MAX_BODY, rows=4)
    does_webhook = _switch("Call a webhook", "Posts the text to your server as JSON.")
    webhook = _line("URL", 2048, inputmode="url", placeholder="https://example.com/texts")
    does_forward = _switch("Forward by SMS", "To a phone of your own, say.")
    forward_to = _line("Number", 100, inputmode="tel")
    does_group = _switch("Add the sender to a group", "Makes a contact of a new number.")
    add_to_group = forms.ChoiceField(label="Group", required=False)
    opt_out = _switch("Opt the sender out", "Nothing more is sent to the number, after this reply.")
    cool_down = forms.IntegerField(label="Rest for", required=False, min_value=0)
    cool_down_unit = forms.ChoiceField(
        label="Unit", choices=[(unit, unit) for unit in reversed(UNITS)], required=False
    )

    def __init__(self, data: Any = None, *, tenant: Tenant, initial: Mapping[str, Any]) -> None:
        super().__init__(data, initial={**initial})
        self._tenant = tenant
        groups = Group.objects.filter(tenant=tenant).order_by("name")
        field = self.fields["add_to_group"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [("", "Choose …"), *((group.external_id, group.name) for group in groups)]

    def clean(self) -> None:
        """Further errors of fields that have none yet; a rule without a name gets one."""
        values = self.cleaned_data
        if "name" in values and not values["name"].strip():
            values["name"] = values.get("pattern", "").strip()[:MAX_NAME] or "Any text"
        for switch, name, sentence in _NEEDED:
            if values.get(switch) and name in values and not values[name].strip():
                self.add_error(name, sentence)
        self._check_hours()
        if self._seconds() > MAX_COOL_DOWN:
            self.add_error("cool_down", "At most 30 days.")
        try:
            columns_of(self.wish(), self._tenant)
        except InvalidInput as error:
            for issue in error.issues:
                if issue.path == "activeHours":  # told above, by the time that is missing
                    continue
                name = _FIELDS.get(issue.path, issue.path)
                if name not in self.errors:
                    sentence = _SENTENCES.get(issue.code, issue.message)
                    self.add_error(name if name in self.fields else None, sentence)

    def wish(self) -> RuleWish:
        """The rule as typed (before validation: as it was), without what has an error."""
        values = self.cleaned_data if self.is_bound else self.initial
        wished = {name: values[name] for name in _SAME if name in values}
        return RuleWish(
            **{"name": "", "match_type": Rule.MatchType.CONTAINS, **wished},
            active_days=tuple(values.get("active_days", ())),
            cool_down_seconds=self._seconds(),
            email=values.get("email", "").strip() if values.get("does_email") else "",
            webhook=values.get("webhook", "").strip() if values.get("does_webhook") else "",
            forward_to=values.get("forward_to", "").strip() if values.get("does_forward") else "",
            group=values.get("add_to_group", "") if values.get("does_group") else "",
        )

    @property
    def is_narrowed(self) -> bool:
        """Whether it says more than what texts are about, or has an error there."""
        return any(self[name].value() or self[name].errors for name in _NARROWING)

    @property
    def does_more(self) -> bool:
        """Whether it does more than reply, or has an error there."""
        is_on = any(self[name].value() or self[name].errors for name in _FURTHER)
        return is_on or any(self[name].errors for name in _DETAILS)

    def _seconds(self) -> int:
        values = self.cleaned_data if self.is_bound else self.initial
        return (values.get("cool_down") or 0) * UNITS[values.get("cool_down_unit") or "hours"]

    def _check_hours(self) -> None:
        names = ("active_from", "active_until")
        if any(name in self.errors for name in names):
            return
        start, end = (self.cleaned_data[name] for name in names)
        if (start is None) != (end is None):
            self.add_error(names[start is not None], "Give both times, or neither.")
        elif start is not None and start == end:
            self.add_error("active_until", "For the whole day leave both times empty.")


def initial_of(rule: Rule) -> dict[str, Any]:
    """What a form about `rule` (with its group) starts with."""
    amount, unit = amount_of(rule.cool_down_seconds)
    return {name: getattr(rule, name) for name in _SAME} | {
        "active_days": rule.active_days,
        "cool_down": amount or None,
        "cool_down_unit": unit,
        "does_email": bool(rule.email),
        "email": rule.email,
        "does_webhook": bool(rule.webhook),
        "webhook": rule.webhook,
        "does_forward": bool(rule.forward_to),
        "forward_to": rule.forward_to,
        "does_group": rule.add_to_group is not None,
        "add_to_group": rule.add_to_group.external_id if rule.add_to_group else "",
    }


class DeleteForm(forms.Form):
    """Deletes a rule when its name is typed, exactly."""

    typed = forms.CharField(label="Name of the rule")

    def __init__(self, *args: Any, rule: Rule, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = rule.name
        self.fields["typed"].widget.attrs |= {"data-confirm": rule.name, "autocomplete": "off"}

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self._name:
            raise forms.ValidationError(f"Type {self._name} to delete this rule.")
        return typed


class SettingsForm(forms.Form):
    """The switches of the whole engine; its fields are columns of RuleEngineSettings."""

    is_enabled = _switch("Rules are on", "Off: no rule is tried, and webhooks hear every text.")
    forwards_all = _switch(
        "Webhooks hear every text",
        "Off: your endpoints hear only the texts that a rule matched.",
    )
    default_reply_enabled = _switch(
        "Reply when no rule matches", "One answer for everything that is left over."
    )
    default_reply = TextField(label="Text of that reply", max_length=MAX_TEMPLATE, rows=3)

    @classmethod
    def of(cls, settings: RuleEngineSettings) -> SettingsForm:
        return cls(initial={name: getattr(settings, name) for name in cls.base_fields})


class BenchForm(forms.Form):
    """A text as it might come in."""

    sender = forms.CharField(
        label="From",
        max_length=100,
        widget=forms.TextInput({"autocomplete": "off", "placeholder": "+6581234567"}),
    )
    text = TextField(label="Text", max_length=16_000, rows=3)
    at = forms.DateTimeField(
        label="When",
        required=False,
        help_text="Empty: now.",
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
