"""What people type about contacts, groups and opt-outs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from accounts.models import Tenant
from messaging.models import Contact, Group
from messaging.services.contact_imports import MAX_BYTES
from messaging.services.directory import MAX_FIELDS, MAX_NAME, ContactDetails

PHONE = forms.TextInput(attrs={"type": "tel", "autocomplete": "off"})
MOST_GROUPS = 200  # that a form offers


class PairsWidget(forms.Widget):
    """Reads the rows of (`field-name`, `field-value`); the page's template draws them."""

    def value_from_datadict(self, data: Any, files: Any, name: str) -> list[tuple[str, str]]:
        names, values = data.getlist("field-name"), data.getlist("field-value")
        pairs = [(a.strip(), b.strip()) for a, b in zip(names, values, strict=False)]
        return [pair for pair in pairs if any(pair)]

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        return False


class PairsField(forms.Field):
    """The contact's own fields as a dict; what they may be, the service says."""

    widget = PairsWidget

    def clean(self, value: list[tuple[str, str]]) -> dict[str, str]:
        names = [name for name, _ in value]
        if "" in names:
            raise ValidationError("Give every field a name.")
        if len(set(names)) < len(names):
            raise ValidationError("Give each field a name of its own.")
        if any("\x00" in name + text for name, text in value):
            raise ValidationError("Null characters are not allowed.")
        return dict(value)


class ContactForm(forms.Form):
    """A contact; what a number is and what fields may be called, the service says."""

    name = forms.CharField(max_length=MAX_NAME, required=False)
    number = forms.CharField(max_length=32, widget=PHONE)
    groups = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(
        self, data: Any = None, *, tenant: Tenant, contact: Contact | None = None, number: str = ""
    ) -> None:
        initial: dict[str, Any] = {"number": number}
        if contact is not None:
            initial = {
                "name": contact.name,
                "number": contact.number,
                "groups": [group.external_id for group in contact.groups.all()],
                "fields": list(contact.fields.items()),
            }
        super().__init__(data, initial=initial)
        self.fields["fields"] = PairsField(required=False)  # a class cannot name it so
        known = Group.objects.filter(tenant=tenant).order_by("name")[:MOST_GROUPS]
        self._groups = {group.external_id: group for group in known}
        field = self.fields["groups"]
        assert isinstance(field, forms.MultipleChoiceField)  # noqa: S101 - for the type checker
        field.choices = [(key, group.name) for key, group in self._groups.items()]

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """The rows to draw: what was typed, else what is kept, and one more to fill in."""
        rows: list[tuple[str, str]] = self["fields"].value() or []
        return [*rows, ("", "")] if len(rows) < MAX_FIELDS else rows

    def details(self) -> ContactDetails:
        """As the service wants them, once the form is valid."""
        cleaned: Mapping[str, Any] = self.cleaned_data
        chosen = [self._groups[key] for key in cleaned["groups"]]
        return ContactDetails(cleaned["number"], cleaned["name"], cleaned["fields"], chosen)


class GroupForm(forms.Form):
    name = forms.CharField(label="Name of the group", max_length=MAX_NAME)


class NumberForm(forms.Form):
    number = forms.CharField(label="Number", max_length=32, widget=PHONE)


class UploadForm(forms.Form):
    file = forms.FileField(label="CSV file", widget=forms.FileInput(attrs={"accept": ".csv"}))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            raise ValidationError(f"The file has more than {MAX_BYTES // 1_000_000} MB.")
        return file


class ImportForm(forms.Form):
    """What is to become of the rows that were read."""

    existing = forms.ChoiceField(
        label="Contacts that you have already",
        choices=[
            ("update", "Take over the file’s names and fields"),
            ("keep", "Leave them as they are"),
        ],
        initial="update",
        widget=forms.RadioSelect,
    )
    group = forms.ChoiceField(label="Put all of them into a group", required=False)

    def __init__(self, data: Any = None, *, tenant: Tenant) -> None:
        super().__init__(data)
        known = Group.objects.filter(tenant=tenant).order_by("name")[:MOST_GROUPS]
        field = self.fields["group"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = [("", "No group"), *((group.external_id, group.name) for group in known)]
