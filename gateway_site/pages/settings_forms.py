"""What people type on the page of an account's settings."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.conf.locale import LANG_INFO

from accounts.models import Tenant
from accounts.pages.forms import ZoneSelect
from accounts.places import countries, time_zones
from accounts.services.tenants import MAX_RETENTION_DAYS, TenantSettings
from messaging.keywords import DEFAULT_LANGUAGE, LANGUAGES, Keyword, default_text
from messaging.models import KeywordSettings
from messaging.segments import Segmentation, segment
from messaging.services.keyword_settings import MAX_TEXT, KeywordWishes
from messaging.templates import render

# By code; where Django's list has no language without a country.
LANGUAGE_NAMES = {code: LANG_INFO.get(code, {}).get("name", "Chinese") for code in LANGUAGES}
_BY_NAME = sorted(LANGUAGE_NAMES.items(), key=lambda item: item[1])


class AccountForm(forms.Form):
    """How the tenant wants to be served."""

    name = forms.CharField(label="Name", max_length=100, help_text="Replies to STOP carry it.")
    default_country = forms.ChoiceField(
        label="Country",
        required=False,
        help_text="Numbers without + are read as numbers of this country.",
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        widget=ZoneSelect,
        help_text="For times on these pages, quiet hours and schedules.",
    )
    hold_when_offline = forms.BooleanField(
        label="Keep messages for later while no phone is online",
        required=False,
        help_text="Without this they are refused at once, so whoever sends them knows.",
    )
    keep_inbound = forms.BooleanField(
        label="Keep texts that come in",
        required=False,
        help_text="Without this only rules and webhooks see them.",
    )
    mail_alerts = forms.BooleanField(
        label="E-mail owners and admins when a phone is in trouble",
        required=False,
        help_text="When one goes offline or silent, cannot send, or runs out of battery. "
        "The pages and webhooks tell it either way.",
    )
    retention_days = forms.IntegerField(
        label="Delete messages after this many days",
        required=False,
        min_value=1,
        max_value=MAX_RETENTION_DAYS,
        help_text="With their history, within an hour or so. Empty: they are kept for ever. "
        "What is still to be sent stays until then.",
    )

    def __init__(self, tenant: Tenant, *args: Any, **kwargs: Any) -> None:
        names = [f.name for f in tenant._meta.fields if f.name in self.base_fields]
        kwargs["initial"] = {name: getattr(tenant, name) for name in names}
        super().__init__(*args, **kwargs)
        country, zone = self.fields["default_country"], self.fields["time_zone"]
        country.choices = [("", "None: every number is written with +"), *countries()]  # type: ignore[attr-defined]
        zones = {row.name for row in time_zones()} | {tenant.time_zone}
        zone.choices = [(name, name.replace("_", " ")) for name in sorted(zones)]  # type: ignore[attr-defined]

    def wanted(self) -> TenantSettings:
        """What to ask the service for, once the form is valid."""
        days = self.cleaned_data["retention_days"] or 0
        return TenantSettings(**self.cleaned_data | {"retention_days": days})


class KeywordsForm(forms.Form):
    """The words that end, resume and explain messages, and what they answer."""

    language = forms.ChoiceField(
        label="Language of the replies", choices=_BY_NAME, help_text="Its words are understood."
    )
    other_languages = forms.MultipleChoiceField(
        label="Words of these languages are understood too",
        required=False,
        choices=_BY_NAME,
        widget=forms.CheckboxSelectMultiple,
    )
    stop_words = forms.CharField(label="More words for STOP", required=False)
    start_words = forms.CharField(label="More words for START", required=False)
    help_words = forms.CharField(label="More words for HELP", required=False)
    stop_text = forms.CharField(label="Reply to STOP", required=False)
    start_text = forms.CharField(label="Reply to START", required=False)
    help_text = forms.CharField(label="Reply to HELP", required=False)

    def __init__(self, tenant: Tenant, settings: KeywordSettings, *args: Any, **kwargs: Any):
        languages = settings.languages or [DEFAULT_LANGUAGE]
        kwargs["initial"] = {"language": languages[0], "other_languages": languages[1:]}
        for keyword in Keyword:
            words, text = f"{keyword}_words", f"{keyword}_text"
            kwargs["initial"][words] = ", ".join(getattr(settings, words))
            kwargs["initial"][text] = getattr(settings, text)
        super().__init__(*args, **kwargs)
        self._tenant = tenant
        chosen = self["language"].value()
        self.chosen = str(chosen) if chosen in LANGUAGES else DEFAULT_LANGUAGE
        for keyword in Keyword:
            hint = getattr(LANGUAGES[self.chosen], keyword)
            self.fields[f"{keyword}_words"].help_text = f"Beside {hint}. Separate them by commas."
            attrs = {"rows": 2, "placeholder": default_text(keyword, [self.chosen])}
            attrs |= {"maxlength": MAX_TEXT}
            self.fields[f"{keyword}_text"].widget = forms.Textarea(attrs=attrs)

    def wanted(self) -> KeywordWishes:
        """What to ask the service for, once the form is valid."""
        data = self.cleaned_data
        others = [code for code in data["other_languages"] if code != data["language"]]
        return KeywordWishes(
            languages=[data["language"], *others],
            stop_words=_words(data["stop_words"]),
            start_words=_words(data["start_words"]),
            help_words=_words(data["help_words"]),
            stop_text=data["stop_text"],
            start_text=data["start_text"],
            help_text=data["help_text"],
        )

    @property
    def replies(self) -> list[tuple[forms.BoundField, Segmentation]]:
        """(the field of a reply, what the reply costs as it stands) for each keyword."""
        found = []
        for keyword in Keyword:
            bound = self[f"{keyword}_text"]
            text = str(bound.value() or "").strip() or default_text(keyword, [self.chosen])
            found.append((bound, segment(render(text, {"tenantName": self._tenant.name}))))
        return found


def _words(text: str) -> list[str]:
    """The words between commas or line breaks."""
    return [word.strip() for word in re.split(r"[,\n،、，]", text) if word.strip()]
