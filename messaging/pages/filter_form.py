"""The filters of the list of messages, as a form whose fields are the URL's parameters."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils import timezone

from accounts.models import Tenant
from devices.models import Device
from messaging.api.inputs import ListQuery
from messaging.drafts import MAX_REF

PAGE = 30
STATUSES = ("scheduled", "queued", "sent", "delivered", "failed", "expired", "canceled", "received")
_RARE = ("to", "from", "phone", "ref", "since", "until")


class FilterForm(forms.Form):
    """Every field narrows the list; days are the tenant's, and `until` includes its day."""

    q = forms.CharField(
        label="Words", required=False, max_length=100, widget=forms.TextInput({"type": "search"})
    )
    direction = forms.ChoiceField(
        label="Direction",
        required=False,
        choices=[("", "Both ways"), ("outbound", "Sent by us"), ("inbound", "Received")],
    )
    status = forms.ChoiceField(
        label="Status",
        required=False,
        choices=[("", "Any status"), *((name, name.capitalize()) for name in STATUSES)],
    )
    to = forms.CharField(label="To", required=False, max_length=32)
    phone = forms.ChoiceField(label="Phone", required=False)
    ref = forms.CharField(label="Ref", required=False, max_length=MAX_REF)
    since = forms.DateField(
        label="From day", required=False, widget=forms.DateInput({"type": "date"})
    )
    until = forms.DateField(
        label="To day", required=False, widget=forms.DateInput({"type": "date"})
    )

    def __init__(self, parameters: QueryDict, *, tenant: Tenant) -> None:
        super().__init__(parameters)
        # `from` is a word of Python's.
        self.fields["from"] = forms.CharField(label="From", required=False, max_length=32)
        self.order_fields([*("q", "direction", "status", "to", "from"), *_RARE[2:]])
        devices = Device.objects.of(tenant).order_by("name")
        self._names = {device.external_id: device.name for device in devices}
        phone = self.fields["phone"]
        assert isinstance(phone, forms.ChoiceField)  # noqa: S101 - for the type checker
        phone.choices = [("", "Any phone"), *self._names.items()]
        self.is_valid()

    @property
    def rare(self) -> list[forms.BoundField]:
        """The fields that most people rarely need."""
        return [self[name] for name in _RARE]

    @property
    def has_rare(self) -> bool:
        return any(self.data.get(name) for name in _RARE)

    @property
    def chosen(self) -> list[tuple[str, str]]:
        """(label, value) of the filters in use, in words."""
        return [
            (str(self.fields[name].label).lower(), self._in_words(name, value))
            for name in self.fields
            if (value := self.cleaned_data.get(name))
        ]

    @property
    def summary(self) -> str:
        """The filters in use, in one line."""
        return ", ".join(f"{label}: {value}" for label, value in self.chosen)

    @property
    def parameters(self) -> str:
        """The filters in use as a query string."""
        parameters = QueryDict(mutable=True)
        for name in self.fields:
            if self.cleaned_data.get(name):
                parameters[name] = self.data[name]
        return parameters.urlencode()

    def query(self, *, limit: int = PAGE, cursor: str | None = None) -> ListQuery:
        """The list's own query; `self` must be valid."""
        chosen: dict[str, Any] = {
            name: value for name, value in self.cleaned_data.items() if value not in ("", None)
        }
        until: date | None = chosen.get("until")
        since: date | None = chosen.get("since")
        return ListQuery(
            limit=limit,
            cursor=cursor,
            direction=chosen.get("direction"),
            status=chosen.get("status"),
            to=chosen.get("to"),
            from_=chosen.get("from"),
            ref=chosen.get("ref"),
            device_id=chosen.get("phone"),
            since=_midnight(since) if since else None,
            until=_midnight(until + timedelta(days=1)) if until else None,
            q=chosen.get("q"),
        )

    def _in_words(self, name: str, value: object) -> str:
        if name == "phone":
            return self._names.get(str(value), "")
        if name == "direction":
            return {"outbound": "sent by us", "inbound": "received"}[str(value)]
        return str(value)


def _midnight(day: date) -> datetime:
    """When `day` begins in the tenant's zone."""
    return datetime.combine(day, time.min, timezone.get_current_timezone())
