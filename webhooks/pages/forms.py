"""What people type about webhooks."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.utils import timezone

from webhooks.models import Delivery, Endpoint
from webhooks.payloads import TEST
from webhooks.services.endpoints import DEFAULT_EVENTS, EVENTS
from webhooks.services.replay import LONGEST

EVENT_MEANINGS = {
    "message.received": "A text came in.",
    "message.sent": "A phone sent a text of yours.",
    "message.delivered": "A text of yours arrived.",
    "message.failed": "A text of yours could not be sent.",
    "message.expired": "A text of yours was not sent in time.",
    "message.canceled": "A text of yours was canceled before it left.",
    "device.online": "A phone connected.",
    "device.offline": "A phone went silent.",
    "device.alert": "A phone is in trouble.",
    "device.alert_ended": "A phone’s trouble is over.",
    "contact.unsubscribed": "A number wants no more texts.",
}
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


class EndpointForm(forms.Form):
    """Where to, and what about; whether the URL may be called, the service says."""

    url = forms.CharField(
        label="URL",
        widget=forms.URLInput(attrs={"placeholder": "https://yourapp.example/hooks/sms"}),
        help_text="Your own address that takes the POST: https, or http within a test.",
    )
    name = forms.CharField(max_length=100, required=False, help_text="For these pages.")
    events = forms.MultipleChoiceField(
        label="Tell it when",
        choices=[(event, EVENT_MEANINGS[event]) for event in EVENTS],
        initial=list(DEFAULT_EVENTS),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose at least one; pause the endpoint to hear of none."},
    )


def _moment_field(**kwargs: Any) -> forms.DateTimeField:
    return forms.DateTimeField(
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        **kwargs,
    )


class ReplayForm(forms.Form):
    """From when on everything is sent again that did not arrive."""

    since = _moment_field(label="Since")

    def __init__(self, data: Any = None, *, endpoint: Endpoint) -> None:
        super().__init__(data, initial={"since": _missed_since(endpoint)})

    def clean_since(self) -> datetime | None:
        since: datetime | None = self.cleaned_data["since"]
        if since is not None and since < timezone.now() - LONGEST:
            raise forms.ValidationError("Choose a time within the last 14 days.")
        return since


class EnableForm(ReplayForm):
    """With `replay`, what was missed meanwhile is sent, too."""

    replay = forms.BooleanField(required=False, initial=True, label="Send what it missed")
    since = _moment_field(label="Since", required=False)
    field_order = ("replay", "since")

    def clean(self) -> None:
        has_moment = self.cleaned_data.get("since") or "since" in self.errors
        if self.cleaned_data.get("replay") and not has_moment:
            self.add_error("since", "Say since when.")


class DeleteForm(forms.Form):
    """Ends an endpoint when its host is typed."""

    typed = forms.CharField(label="Host name")

    def __init__(self, data: Any = None, *, endpoint: Endpoint) -> None:
        super().__init__(data)
        self._host = host_of(endpoint.url)
        self.fields["typed"].widget.attrs |= {"data-confirm": self._host, "autocomplete": "off"}

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed.lower() != self._host:
            raise forms.ValidationError(f"Type {self._host} to delete this endpoint.")
        return typed


class LogFilter(forms.Form):
    """Which deliveries are listed; a value that is not offered filters nothing."""

    status = forms.ChoiceField(
        required=False,
        choices=[
            ("", "All"),
            (Delivery.Status.PENDING, "Waiting"),
            (Delivery.Status.SUCCEEDED, "Delivered"),
            (Delivery.Status.FAILED, "Failed"),
            (Delivery.Status.HELD, "Held"),
        ],
    )
    event = forms.ChoiceField(
        required=False,
        choices=[("", "All"), *((event, event) for event in (*EVENTS, TEST))],
    )

    def wanted(self) -> dict[str, str]:
        """The filters that were chosen, by the names of the API."""
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


def host_of(url: str) -> str:
    """The host's name in lower case, for people."""
    return urlsplit(url).hostname or ""


def origin_of(url: str) -> str:
    """`https://host:port/…`: what may be seen by those who need not know the receiver's path."""
    return re.sub(r"^([a-z]+://[^/?#]*)[/?#].*", r"\1/…", url, flags=re.IGNORECASE)


def _missed_since(endpoint: Endpoint) -> datetime:
    """When the trouble began, within what can be replayed, to the minute."""
    now = timezone.now()
    began = endpoint.failing_since or endpoint.disabled_at or now - _DAY
    # A minute later than the limit, as people need a moment to press the button.
    return max(began, now - LONGEST + 10 * _MINUTE).replace(second=0, microsecond=0)
