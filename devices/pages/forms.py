"""What people type about a phone."""

from __future__ import annotations

from typing import Any

from django import forms

from devices.models import Device, Sim
from devices.services.devices import SimLimits

MOST_SEGMENTS = 1_000_000
LONGEST_PAUSE_MS = 3_600_000


class NameForm(forms.Form):
    name = forms.CharField(max_length=60, label="Name")


class RevokeForm(forms.Form):
    """Ends a phone when its name is typed, exactly."""

    typed = forms.CharField(label="Name of the phone", strip=True)

    def __init__(self, *args: Any, device: Device, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._name = device.name
        self.fields["typed"].widget.attrs |= {"data-confirm": device.name, "autocomplete": "off"}

    def clean_typed(self) -> str:
        typed: str = self.cleaned_data["typed"]
        if typed != self._name.strip():
            raise forms.ValidationError(f"Type {self._name} to revoke this phone.")
        return typed


def _segments(label: str) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=0, max_value=MOST_SEGMENTS)


def _milliseconds(label: str, help_text: str) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=0, max_value=LONGEST_PAUSE_MS, help_text=help_text
    )


def _clock(label: str) -> forms.TimeField:
    widget = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return forms.TimeField(label=label, required=False, widget=widget)


class LimitsForm(forms.Form):
    """A SIM's budget; its fields are those of SimLimits."""

    segments_per_minute = _segments("Segments a minute")
    segments_per_hour = _segments("Segments an hour")
    segments_per_day = _segments("Segments a day")
    min_gap_ms = _milliseconds("Pause between texts", "In milliseconds.")
    jitter_ms = _milliseconds("Random extra pause", "Up to so many milliseconds more.")
    quiet_from = _clock("Quiet from")
    quiet_until = _clock("Quiet until")

    def __init__(self, data: Any = None, *, sim: Sim) -> None:
        initial = {name: getattr(sim, name) for name in self.base_fields}
        super().__init__(data, prefix=f"sim{sim.slot}", initial=initial)

    def clean(self) -> None:
        """Quiet hours are a pair."""
        times = ("quiet_from", "quiet_until")
        missing = [name for name in times if self.cleaned_data.get(name) is None]
        if len(missing) == 1 and missing[0] not in self.errors:
            self.add_error(missing[0], "Give both times, or neither.")

    def limits(self) -> SimLimits:
        return SimLimits(**self.cleaned_data)
