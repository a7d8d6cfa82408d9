"""What the gateway knows of a phone that runs the SMSGate app, beside its Device."""

from __future__ import annotations

from django.db import models

from devices.models import Device


class PairedApp(models.Model):
    """One installation of the app. Its token is the device's, as for any phone."""

    device = models.OneToOneField(Device, models.CASCADE, related_name="smsgate")
    app_version = models.CharField(max_length=20, blank=True, help_text="Of its last request.")
    signing_key = models.TextField(help_text="Encrypted. Signs what the phone posts.")
    push_token = models.TextField(
        blank=True, help_text="Encrypted. A phone that has one waits for pushes, not for a stream."
    )
    clock_skew_seconds = models.IntegerField(
        null=True, blank=True, help_text="How far the phone's clock is ahead of ours."
    )
    stream_seen_at = models.DateTimeField(
        null=True, blank=True, help_text="When an event stream was last known to be open."
    )
    ping_seen_at = models.DateTimeField(null=True, blank=True)
    settings_told = models.CharField(
        max_length=64, blank=True, help_text="Hash of the settings that the app fetched last."
    )
    webhooks_told = models.CharField(max_length=64, blank=True, help_text="Likewise.")
    paired_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"SMSGate {self.app_version} on {self.device}"


class InboundEvent(models.Model):
    """A text that a phone posted, so that it is not stored again.

    The app repeats an event under its id until it is answered 2xx. And it makes two events with
    different ids of one text at times, with the same `message_id`: a hash of 32 bits, so that it
    counts only together with what was said.
    """

    app = models.ForeignKey(PairedApp, models.CASCADE, related_name="events", db_index=False)
    event_id = models.CharField(max_length=64)
    kind = models.CharField(max_length=40)
    message_id = models.CharField(max_length=64, blank=True)
    content_hash = models.CharField(max_length=64, help_text="Keyed, of sender and text.")
    received_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["app", "event_id"], name="smsgate_event_once")
        ]
        indexes = [models.Index(fields=["app", "message_id"], name="smsgate_event_text")]

    def __str__(self) -> str:
        return f"{self.kind} {self.event_id}"
