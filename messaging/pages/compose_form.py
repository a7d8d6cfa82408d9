"""What somebody types to send texts."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django import forms
from django.utils import timezone

from accounts.ids import decode_id
from accounts.models import Tenant
from devices.models import Device
from devices.numbers import InvalidNumber, parse_number
from devices.queries import devices_for
from messaging.api.inputs import MAX_BATCH
from messaging.directory import groups_for
from messaging.drafts import MAX_TEXT, MessageDraft
from messaging.models import Group, Message

MOST_GROUPS = 500
_split_numbers = re.compile(r"[\n\r\t,;]+").split


class SmsText(forms.CharField):
    """A text as it is sent: browsers write CR LF for a new line, which would cost a unit more."""

    widget = forms.Textarea

    def to_python(self, value: Any) -> Any:
        return (super().to_python(value) or "").replace("\r\n", "\n")


class LocalTime(forms.Field):
    """A time in the tenant's zone, as `<input type="datetime-local">` writes it.

    A time that the clocks skip is refused; of one that they show twice the first is meant.
    """

    widget = forms.TextInput(attrs={"type": "datetime-local"})

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            local = datetime.fromisoformat(value).replace(tzinfo=timezone.get_current_timezone())
        except ValueError:
            raise forms.ValidationError("Give a day and a time.") from None
        exact = local.astimezone(UTC)
        shown = exact.astimezone(local.tzinfo)
        if shown.replace(tzinfo=None) != local.replace(tzinfo=None):
            raise forms.ValidationError(
                f"The clocks go forward that day, and {local:%H:%M} does not exist in"
                f" {local.tzinfo}. You may mean {shown:%H:%M}."
            )
        return exact


class Phone(NamedTuple):
    """What may be chosen to send: a device, and perhaps one of its SIMs."""

    device_id: uuid.UUID | None
    sim_slot: int | None


class ComposeForm(forms.Form):
    """Fields are named as the API names them, so that refusals find theirs (show_error)."""

    to = forms.CharField(
        label="To",
        error_messages={"required": "Give a number."},
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
        help_text="One number a line, or separated by commas.",
    )
    group = forms.ChoiceField(label="And everybody in", required=False)
    text = SmsText(
        label="Text", strip=False, widget=forms.Textarea(attrs={"rows": 5}), max_length=MAX_TEXT
    )
    send_at = LocalTime(label="Send at", required=False)
    phone = forms.ChoiceField(label="Phone", required=False)
    priority = forms.TypedChoiceField(
        label="Priority",
        coerce=int,
        choices=[
            (Message.Lane.URGENT.value, "Urgent: before all others"),
            (Message.Lane.NORMAL.value, "Normal"),
            (Message.Lane.BULK.value, "Bulk: when nothing else waits"),
        ],
        initial=Message.Lane.NORMAL.value,
    )
    hold = forms.BooleanField(label="If no phone is online, wait for one", required=False)
    once = forms.RegexField(r"\A[0-9a-f]{32}\Z", widget=forms.HiddenInput)

    def __init__(self, *args: Any, tenant: Tenant, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._tenant = tenant
        self.groups = list(groups_for(tenant).order_by("name")[:MOST_GROUPS])
        counted = [(group.external_id, _counted(group)) for group in self.groups]
        self.fields["to"].required = not self.data.get("group")
        self._offer("group", [("", "No group"), *counted])
        self._offer("phone", [("", "Choose for me"), *_phones(tenant)])
        self.fields["send_at"].help_text = f"Empty = now. Times are in {tenant.time_zone}."

    def clean_text(self) -> str:
        text: str = self.cleaned_data["text"]
        if not text.strip():
            raise forms.ValidationError("Write a text.")
        return text

    def clean_send_at(self) -> datetime | None:
        send_at: datetime | None = self.cleaned_data["send_at"]
        if send_at is not None and send_at < timezone.now() - timedelta(minutes=1):
            raise forms.ValidationError("This time has passed. Leave it empty to send now.")
        return send_at

    def clean(self) -> None:
        numbers = self.recipients()
        if not numbers and "to" not in self.errors:
            text = "This group is empty." if self.cleaned_data.get("group") else "Give a number."
            self.add_error("to", text)
        if len(numbers) > MAX_BATCH:
            self.add_error("to", f"At most {MAX_BATCH:,} recipients at a time.")

    def recipients(self) -> list[str]:
        """Everybody once: what was typed, read as numbers where it can be, then the group."""
        numbers = typed_numbers(self.cleaned_data.get("to", ""), self._tenant)
        group = self.chosen_group()
        if group is not None:
            contacts = group.contacts.order_by("pk").values_list("number", flat=True)
            numbers += contacts[: MAX_BATCH + 1]
        return list(dict.fromkeys(numbers))

    def chosen_group(self) -> Group | None:
        wanted = self.cleaned_data.get("group")
        return next((group for group in self.groups if group.external_id == wanted), None)

    def drafts(self) -> list[MessageDraft]:
        """A draft for each recipient; `self` must be valid."""
        data = self.cleaned_data
        device_id, sim_slot = _read_phone(data["phone"])
        return [
            MessageDraft(
                recipient=number,
                text=data["text"],
                device_id=device_id,
                sim_slot=sim_slot,
                lane=data["priority"],
                send_at=data["send_at"],
                hold=data["hold"],
            )
            for number in self.recipients()
        ]

    def _offer(self, name: str, choices: list[tuple[str, str]]) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - for the type checker
        field.choices = choices


def typed_numbers(text: str, tenant: Tenant) -> list[str]:
    """The numbers in `text`, each once; what is no number stays as it was typed."""
    typed = filter(None, (piece.strip() for piece in _split_numbers(text)))
    return list(dict.fromkeys(_stored(number, tenant) for number in typed))


def _stored(typed: str, tenant: Tenant) -> str:
    try:
        return parse_number(typed, tenant.default_country)
    except InvalidNumber:
        return typed


def _counted(group: Group) -> str:
    count: int = getattr(group, "contact_count", 0)
    return f"{group.name} ({count:,})"


def _phones(tenant: Tenant) -> list[tuple[str, str]]:
    """The phones that may send, and their SIMs where there is a choice."""
    choices = []
    for device in devices_for(tenant).usable():
        name = f"{device.name}{'' if device.is_heard else ' (offline)'}"
        choices.append((device.external_id, name))
        sims = [sim for sim in device.sims.all() if sim.is_present]
        if len(sims) > 1:
            choices += [
                (f"{device.external_id}.{sim.slot}", f"{name}, SIM {sim.slot} {sim.number}".strip())
                for sim in sims
            ]
    return choices


def phone_chosen(message: Message) -> str:
    """What was chosen to send `message`, as the form's field has it; empty when nothing was."""
    if not message.is_pinned or message.device is None:
        return ""
    slot = f".{message.sim_slot}" if message.sim_slot is not None else ""
    return f"{message.device.external_id}{slot}"


def _read_phone(choice: str) -> Phone:
    device, _, slot = choice.partition(".")
    return Phone(decode_id(Device.ID_PREFIX, device), int(slot) if slot else None)
