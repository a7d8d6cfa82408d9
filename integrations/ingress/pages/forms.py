"""What people type about integrations; what may be saved, the services say."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from accounts.errors import InvalidInput, UnsupportedMediaType
from integrations.ingress.bodies import read_payload
from integrations.ingress.models import Ingress
from integrations.ingress.paths import MAX_CHARACTERS
from integrations.ingress.presets import PRESETS
from integrations.ingress.wishes import MAX_SECRET, SIGNING_HEADER
from messaging.templates import MAX_TEMPLATE

MAX_PASTED = 100_000
MAX_PER_MINUTE = 60_000


def _path(label: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        max_length=MAX_CHARACTERS,
        required=False,
        widget=forms.TextInput(attrs={"class": "mono", "spellcheck": "false"}),
    )


class NewForm(forms.Form):
    """Step 2 of the wizard."""

    name = forms.CharField(max_length=100, help_text="What posts here, such as Shop or Helpdesk.")
    once_per_ref = forms.BooleanField(
        label="Send once for each ref",
        required=False,
        help_text="A payload with a ref that was there in the last 7 days sends nothing. "
        "For systems that post the same thing again when they are not sure.",
    )


class PathsForm(forms.Form):
    """Where in a payload things are; its fields are those of an IngressWish."""

    preset = forms.ChoiceField(choices=[(slug, preset.title) for slug, preset in PRESETS.items()])
    to_path = _path("To: the recipient's number")
    text_path = _path("Text")
    ref_path = _path("Ref: your own reference")
    text_template = forms.CharField(
        label="Or compose the text",
        max_length=MAX_TEMPLATE,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "true"}),
        help_text="Such as: Dear {{customer.name}}, order {{id}} is ready. Beats the path above.",
    )

    def __init__(self, data: Any = None, *, ingress: Ingress) -> None:
        super().__init__(data, initial=values_of(self, ingress))
        preset = PRESETS[ingress.preset]
        for field, paths in (("to_path", preset.to), ("text_path", preset.text)):
            self.fields[field].widget.attrs["placeholder"] = ", ".join(paths)
        self.fields["ref_path"].widget.attrs["placeholder"] = ", ".join(preset.ref)


class SampleForm(forms.Form):
    """The payload that edited paths are tried on: one of the log, or pasted JSON."""

    payload_id = forms.CharField(required=False)
    pasted = forms.CharField(
        label="Or paste a payload",
        required=False,
        max_length=MAX_PASTED,
        widget=forms.Textarea(attrs={"rows": 5, "class": "mono", "spellcheck": "false"}),
    )

    def clean_pasted(self) -> Any:
        """The decoded JSON, None if there is none."""
        text: str = self.cleaned_data["pasted"]
        if not text:
            return None
        try:
            return read_payload("application/json", text.encode("utf-8", "replace"))
        except (InvalidInput, UnsupportedMediaType) as error:
            raise forms.ValidationError(error.message) from error


class OptionsForm(forms.Form):
    """All but the paths. An empty secret leaves the one that is set."""

    name = forms.CharField(max_length=100)
    is_enabled = forms.BooleanField(
        label="Enabled", required=False, help_text="While it is not, its URL answers 404."
    )
    once_per_ref = forms.BooleanField(
        label="Send once for each ref",
        required=False,
        help_text="A ref that was there in the last 7 days sends nothing.",
    )
    requests_per_minute = forms.IntegerField(
        label="Payloads a minute", min_value=1, max_value=MAX_PER_MINUTE
    )
    signing_secret = forms.CharField(
        required=False,
        max_length=MAX_SECRET,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="If your system signs what it posts (HMAC-SHA256 of the body).",
    )
    drop_secret = forms.BooleanField(label="Take unsigned payloads again", required=False)
    signing_header = forms.CharField(max_length=100, initial=SIGNING_HEADER)
    outbound_url = forms.CharField(
        label="Post inbound texts to",
        required=False,
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
        help_text="Every text that comes in, signed like a webhook.",
    )

    def __init__(self, data: Any = None, *, ingress: Ingress) -> None:
        super().__init__(data, initial=values_of(self, ingress, without="signing_secret"))
        if ingress.signing_secret:
            text = "One is set, and is not shown. Leave this empty to keep it."
            self.fields["signing_secret"].help_text = text
        else:
            del self.fields["drop_secret"]

    def changes(self) -> dict[str, Any]:
        """The fields of an IngressWish; without a new secret the old one stays."""
        changes = dict(self.cleaned_data)
        is_dropped = changes.pop("drop_secret", False)
        if not changes["signing_secret"]:
            changes["signing_secret"] = "" if is_dropped else None
        return changes


class DeleteForm(forms.Form):
    """Ends an ingress when its name is typed."""

    typed = forms.CharField(label="Name of the integration")

    def __init__(self, data: Any = None, *, ingress: Ingress) -> None:
        super().__init__(data)
        self._name = ingress.name.strip()
        self.fields["typed"].widget.attrs |= {"data-confirm": self._name, "autocomplete": "off"}

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self._name:
            raise forms.ValidationError(f"Type {self._name} to delete this integration.")
        return typed


def values_of(form: forms.Form, ingress: Ingress, without: str = "") -> dict[str, Any]:
    """The ingress's values of the form's fields."""
    names = [name for name in type(form).base_fields if hasattr(ingress, name) and name != without]
    return {name: getattr(ingress, name) for name in names}


def pretty(payload: Any) -> str:
    """JSON, indented for people."""
    return json.dumps(payload, indent=2, ensure_ascii=False)
