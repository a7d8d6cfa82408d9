"""Phones and modems."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import ExpressionWrapper, F, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from accounts.ids import encode_id, new_id
from accounts.models import Tenant

# A phone is offline when it has missed so many heartbeats (or polls, where it only polls).
MISSED_CONTACTS = 3
# A phone that asks for work less often is not given any while there is another.
SLOW_SECONDS = 60
# So many texts refused by the phone's own limit, and its SIM is held back.
LIMIT_HITS = 3
# So many texts in a row that a phone cannot send, and it is taken for misconfigured.
UNABLE = 3


class DeviceQuerySet(models.QuerySet["Device"]):
    def of(self, tenant: Tenant) -> DeviceQuerySet:
        return self.filter(tenant=tenant)

    def usable(self) -> DeviceQuerySet:
        """Those that may send: neither paused nor revoked."""
        return self.filter(status=Device.Status.ACTIVE)

    def able(self) -> DeviceQuerySet:
        """Those that nothing is known against: a SIM is in, and the program may send."""
        return self.filter(unable_count__lt=UNABLE)

    def heard(self, now: datetime) -> DeviceQuerySet:
        """Those with a sign of life that is not older than three of their heartbeats."""
        return self.filter(last_seen_at__gt=Value(now) - _patience())

    def silent(self, now: datetime) -> DeviceQuerySet:
        """Those that were heard once, and not lately."""
        return self.filter(last_seen_at__lte=Value(now) - _patience())

    def awaited(self, now: datetime, since: datetime) -> DeviceQuerySet:
        """Those whose patience has passed since then: each had its time to be heard."""
        return self.filter(LessThanOrEqual(_patience(), Value(now - since)))


def _patience() -> ExpressionWrapper[Any]:
    """A device's `patience`, in SQL."""
    contact = Coalesce(F("contact_seconds"), Value(settings.DEVICE_HEARTBEAT_SECONDS))
    seconds = contact * Value(timedelta(seconds=MISSED_CONTACTS))
    return ExpressionWrapper(seconds, output_field=models.DurationField())


class Device(models.Model):
    """A phone or modem that a tenant paired."""

    class Kind(models.TextChoices):
        ANDROID = "android"
        MODEM = "modem"
        SIMULATED = "simulated"

    class Status(models.TextChoices):
        """What people decided; whether the phone is online is another question."""

        ACTIVE = "active"
        PAUSED = "paused"
        REVOKED = "revoked"

    ID_PREFIX = "dev_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="devices")
    name = models.CharField(max_length=60)
    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.ANDROID)
    model = models.CharField(max_length=60, blank=True)
    app = models.CharField(max_length=60, blank=True, help_text="The phone's program and version.")
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.ACTIVE)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    # The phone's life, written with every heartbeat.
    last_seen_at = models.DateTimeField(null=True, blank=True)
    contact_seconds = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text="How often a phone without an open connection asks; empty = the heartbeat.",
    )
    is_online = models.BooleanField(
        default=False, help_text="Whether the last online/offline event said so."
    )
    battery = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Percent.")
    is_charging = models.BooleanField(null=True, blank=True)
    network = models.CharField(max_length=20, blank=True)
    signal = models.PositiveSmallIntegerField(null=True, blank=True, help_text="Bars, 0 to 4.")
    queue_on_phone = models.PositiveIntegerField(default=0)
    sent_count = models.PositiveBigIntegerField(default=0)
    received_count = models.PositiveBigIntegerField(default=0)
    unable_count = models.PositiveSmallIntegerField(
        default=0, help_text="Texts and, from the third on, tries that it could not send in a row."
    )

    objects = DeviceQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"], condition=Q(is_default=True), name="device_one_default"
            )
        ]
        indexes = [
            models.Index(
                fields=["last_seen_at"], condition=Q(is_online=True), name="device_going_silent"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)

    @property
    def is_heard(self) -> bool:
        """Whether a sign of life came within three heartbeats."""
        return self.last_seen_at is not None and self.last_seen_at > timezone.now() - self.patience

    @property
    def patience(self) -> timedelta:
        """For how long it may be silent until it counts as offline."""
        contact_seconds = self.contact_seconds or settings.DEVICE_HEARTBEAT_SECONDS
        return timedelta(seconds=MISSED_CONTACTS * contact_seconds)

    @property
    def is_polling(self) -> bool:
        """Whether it only asks now and then, so that a message waits until it does."""
        return self.contact_seconds is not None

    @property
    def is_slow(self) -> bool:
        """Whether it asks so seldom that a message would wait for minutes."""
        return (self.contact_seconds or 0) > SLOW_SECONDS

    @property
    def is_able(self) -> bool:
        """Whether nothing is known against it: a SIM is in, and the program may send."""
        return self.unable_count < UNABLE


class Sim(models.Model):
    """One SIM of a device, with its budget: what may leave through it, in segments.

    Limits hold over sliding windows, and count segments because carriers and Android do.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, models.CASCADE, related_name="sims")
    slot = models.PositiveSmallIntegerField(validators=[MinValueValidator(1)])
    number = models.CharField(max_length=32, blank=True)
    carrier = models.CharField(max_length=60, blank=True)
    is_present = models.BooleanField(default=True, help_text="Whether the phone last listed it.")
    segments_per_minute = models.PositiveIntegerField(null=True, blank=True)
    segments_per_hour = models.PositiveIntegerField(null=True, blank=True)
    segments_per_day = models.PositiveIntegerField(null=True, blank=True)
    min_gap_ms = models.PositiveIntegerField(default=0, help_text="Pause between two messages.")
    jitter_ms = models.PositiveIntegerField(default=0, help_text="Random addition to the pause.")
    quiet_from = models.TimeField(null=True, blank=True, help_text="In the tenant's time zone.")
    quiet_until = models.TimeField(null=True, blank=True)
    next_send_at = models.DateTimeField(null=True, blank=True, help_text="End of the last pause.")
    limit_hits = models.PositiveSmallIntegerField(
        default=0, help_text="How often the phone's own limit refused texts lately."
    )
    last_limit_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["slot"]
        constraints = [models.UniqueConstraint(fields=["device", "slot"], name="sim_slot_once")]

    def __str__(self) -> str:
        return f"SIM {self.slot} of {self.device}"

    @property
    def is_held(self) -> bool:
        """Whether nothing goes to it for a while, because its phone refused too much."""
        is_resting = self.next_send_at is not None and self.next_send_at > timezone.now()
        return is_resting and self.limit_hits >= LIMIT_HITS


class PairingCode(models.Model):
    """Eight digits that turn a phone into a tenant's device: once, within ten minutes."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    code_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    device = models.ForeignKey(Device, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            # Eight digits come again one day; only among the unspent must they be unique.
            models.UniqueConstraint(
                fields=["code_hash"], condition=Q(used_at=None), name="pairing_code_unspent"
            )
        ]

    def __str__(self) -> str:
        return f"pairing code of {self.tenant}"


class DeviceToken(models.Model):
    """What a paired phone authenticates with; only a keyed hash is stored."""

    PREFIX = "dt_"

    device = models.ForeignKey(Device, models.CASCADE, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"token of {self.device}"


class Heartbeat(models.Model):
    """One sign of life with what the phone said about itself; kept for a week."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, models.CASCADE, related_name="heartbeats")
    received_at = models.DateTimeField()
    battery = models.PositiveSmallIntegerField(null=True)
    is_charging = models.BooleanField(null=True)
    network = models.CharField(max_length=20, blank=True)
    signal = models.PositiveSmallIntegerField(null=True)
    queue_on_phone = models.PositiveIntegerField(default=0)

    class Meta:
        indexes = [
            models.Index(F("device"), F("received_at").desc(), name="heartbeat_by_device"),
            models.Index(fields=["received_at"], name="heartbeat_age"),
        ]

    def __str__(self) -> str:
        return f"{self.device} at {self.received_at:%Y-%m-%d %H:%M:%S}"


class DeviceAlertQuerySet(models.QuerySet["DeviceAlert"]):
    def open(self) -> DeviceAlertQuerySet:
        return self.filter(ended_at=None)


class DeviceAlert(models.Model):
    """A trouble of one phone, from when the gateway knew of it until it was over.

    A phone has at most one open alert of a kind. What each kind means and what to do about it is in
    `alert_words.py`; who raises and ends it, in `services/alerts.py`.
    """

    class Kind(models.TextChoices):
        OFFLINE = "offline"  # no sign of life
        CANNOT_SEND = "cannot_send"  # no SIM, or its program may not send
        RECEIVER_SILENT = "receiver_silent"  # it sends, and receives nothing any more
        PACING_DEGRADED = "pacing_degraded"  # its own limit refuses texts
        BATTERY_LOW = "battery_low"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    device = models.ForeignKey(Device, models.CASCADE, related_name="alerts", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    detail = models.CharField(max_length=200, blank=True, help_text="A sentence of what is known.")
    raised_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    mail_due_at = models.DateTimeField(
        null=True, blank=True, help_text="When its e-mail is to be sent; empty = it is not."
    )
    mailed_at = models.DateTimeField(null=True, blank=True)

    objects = DeviceAlertQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["device", "kind"], condition=Q(ended_at=None), name="alert_open_once"
            )
        ]
        indexes = [
            models.Index(fields=["device", "-raised_at"], name="alert_by_device"),
            models.Index(
                fields=["mail_due_at"], condition=~Q(mail_due_at=None), name="alert_mail_due"
            ),
            models.Index(fields=["ended_at"], name="alert_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.device}"
