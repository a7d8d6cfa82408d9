"""What people type on the pages of this app."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from accounts.members import Role
from accounts.places import countries, time_zones

ROLE_MEANINGS = {
    Role.OWNER: "Everything, and says who the other owners are.",
    Role.ADMIN: "Phones, rules, webhooks, API keys, settings and the team.",
    Role.OPERATOR: "Reads and sends texts, and looks after contacts.",
    Role.VIEWER: "Reads, and changes nothing.",
}


class ZoneSelect(forms.Select):
    """Time zones whose options say their country and their older names, for js/welcome.js."""

    def create_option(self, name: str, value: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        option: dict[str, Any] = super().create_option(name, value, *args, **kwargs)
        zone = _ZONES.get(str(value))
        if zone is not None:
            option["attrs"] |= {"data-country": zone.country, "data-also": " ".join(zone.also)}
        return option


_ZONES = {zone.name: zone for zone in time_zones()}


class WelcomeForm(forms.Form):
    """A new account."""

    name = forms.CharField(label="Name of your business", max_length=100)
    country = forms.ChoiceField(
        label="Country",
        required=False,
        choices=[("", "None: I write every number with + and country code"), *countries()],
        help_text="Numbers without + are read as numbers of this country.",
    )
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=[(name, name.replace("_", " ")) for name in _ZONES],
        widget=ZoneSelect,
        help_text="For times on these pages, quiet hours and schedules.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].widget.attrs["autocomplete"] = "organization"


class InviteForm(forms.Form):
    """Whom to invite, as what."""

    email = forms.EmailField(label="E-mail address", max_length=254)
    role = forms.ChoiceField(label="Role")

    def __init__(self, roles: Iterable[Role], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].widget.attrs["autocomplete"] = "off"
        _offer(self, roles, initial=Role.OPERATOR)


class RoleForm(forms.Form):
    """Another role for a member."""

    role = forms.ChoiceField(label="Role", widget=forms.RadioSelect)

    def __init__(self, roles: Iterable[Role], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _offer(self, roles)


def _offer(form: forms.Form, roles: Iterable[Role], initial: Role | None = None) -> None:
    field = form.fields["role"]
    assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
    field.choices = [(role.value, f"{role.label}: {ROLE_MEANINGS[role]}") for role in roles]
    if initial is not None:
        field.initial = initial.value
