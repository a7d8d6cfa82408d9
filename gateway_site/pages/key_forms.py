"""What people type about API keys."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, time
from itertools import groupby
from typing import Any

from django import forms
from django.utils import timezone

from accounts.models import ApiKey
from accounts.services.api_keys import SCOPES, NewApiKey

NOUNS = {"ingress": "Integrations", "devices": "Phones"}  # others are called as in the scope


class KeyForm(forms.Form):
    """A new API key."""

    name = forms.CharField(
        label="Name", max_length=100, help_text="What uses it, such as Shop or CRM."
    )
    kind = forms.ChoiceField(
        label="Kind",
        choices=[
            (ApiKey.LIVE, "Live: sends through your phones"),
            (ApiKey.TEST, "Test: sends through simulated phones only"),
        ],
        initial=ApiKey.LIVE,
        widget=forms.RadioSelect,
    )
    scopes = forms.MultipleChoiceField(
        label="It may",
        choices=[(scope, scope.partition(":")[2]) for scope in SCOPES],
        initial=["messages:send", "messages:read"],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one thing that it may do."},
    )
    expires_on = forms.DateField(
        label="Last day",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="It works until this day ends. Empty: until you revoke it.",
    )
    allowed_networks = forms.CharField(
        label="Only from these networks",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "203.0.113.0/24"}),
        help_text="Addresses or networks in CIDR form, one a line. Empty: from everywhere.",
    )

    def clean_expires_on(self) -> Any:
        day = self.cleaned_data["expires_on"]
        if day is not None and day < timezone.localdate():
            raise forms.ValidationError("This day is over.")
        return day

    def wanted(self) -> NewApiKey:
        """What to ask the service for, once the form is valid; days end in the tenant's zone."""
        data = self.cleaned_data
        end = data["expires_on"] and datetime.combine(data["expires_on"], time.max)
        return NewApiKey(
            name=data["name"],
            scopes=tuple(data["scopes"]),
            prefix=data["kind"],
            expires_at=timezone.make_aware(end) if end else None,
            allowed_networks=tuple(re.split(r"[,\s]+", data["allowed_networks"].strip()))
            if data["allowed_networks"].strip()
            else (),
        )

    def scope_groups(self) -> Iterator[tuple[str, list[Any]]]:
        """(noun, its checkboxes) in the order of SCOPES."""
        for noun, boxes in groupby(self["scopes"], lambda box: box.data["value"].partition(":")[0]):
            yield NOUNS.get(noun, noun.capitalize()), list(boxes)


class RevokeForm(forms.Form):
    """The key's name, typed to show that it is meant."""

    typed = forms.CharField(label="Name of the key", max_length=100)

    def __init__(self, api_key: ApiKey, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = api_key.name.strip()
        attrs = {"data-confirm": self._name, "autocomplete": "off"}
        self.fields["typed"].widget.attrs |= attrs

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self._name:
            raise forms.ValidationError(f"Type {self._name} to confirm.")
        return typed
