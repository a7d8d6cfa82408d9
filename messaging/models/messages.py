"""Texts, outbound and inbound, and what happened to them."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.ids import encode_id, new_id
from accounts.models import Tenant
from devices.models import Device, Sim
from messaging.states import IN_FLIGHT, WAITING, Status


class MessageQuerySet(models.QuerySet["Message"]):
    def of(self, tenant: Tenant) -> MessageQuerySet:
        return self.filter(tenant=tenant)

    def due(self, now: datetime) -> MessageQuerySet:
        """Queued, and neither waiting for a retry, nor past their validity, nor wanted back."""
        return self.filter(
            Q(next_attempt_at=None) | Q(next_attempt_at__lte=now),
            status=Status.QUEUED,
            cancel_requested_at=None,
            expires_at__gt=now,
        )


class Message(models.Model):
    """One text to or from one recipient.

    Here and in MessageEvent the database does not check foreign keys: a check for each key and row
    would be a third of the cost of a batch (docs/decisions). The services write only rows that they
    have just read, and Django's deletions follow the relations as everywhere.

    `public_id` is a UUIDv7 made together with `created_at` (to the millisecond), so its order is
    the order of time: lists and their cursors run on it alone.
    """

    class Direction(models.TextChoices):
        OUTBOUND = "outbound"
        INBOUND = "inbound"

    class Lane(models.IntegerChoices):
        """First in, first out within a lane; a lower one goes first."""

        URGENT = 0
        NORMAL = 1
        BULK = 2

    class Origin(models.TextChoices):
        API = "api"
        DASHBOARD = "dashboard"
        RULE = "rule"
        INGRESS = "ingress"
        CAMPAIGN = "campaign"
        PHONE = "phone"
        KEYWORD = "keyword"  # what answers STOP, START and HELP; goes out in spite of an opt-out

    ID_PREFIX = "msg_"

    public_id = models.UUIDField(default=new_id, editable=False)
    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="messages", db_index=False, db_constraint=False
    )
    direction = models.CharField(max_length=10, choices=Direction.choices)
    status = models.CharField(max_length=10, choices=Status.choices)
    origin = models.CharField(max_length=10, choices=Origin.choices)
    created_at = models.DateTimeField(default=timezone.now)

    recipient = models.CharField(max_length=32)
    sender = models.CharField(max_length=32, blank=True, help_text="Empty until a SIM took it.")
    text = models.TextField()
    encoding = models.CharField(max_length=4)
    segments = models.PositiveSmallIntegerField()
    ref = models.CharField(max_length=64, blank=True)
    callback = models.TextField(blank=True)
    metadata = models.JSONField(default=dict)
    is_test = models.BooleanField(default=False, help_text="Goes to simulated phones only.")

    lane = models.PositiveSmallIntegerField(choices=Lane.choices, default=Lane.NORMAL)
    device = models.ForeignKey(
        Device,
        models.SET_NULL,
        null=True,
        related_name="messages",
        db_index=False,
        db_constraint=False,
    )
    is_pinned = models.BooleanField(default=False, help_text="Never moves to another phone.")
    sim_slot = models.PositiveSmallIntegerField(null=True, help_text="The SIM that was asked for.")
    sim = models.ForeignKey(
        Sim, models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    attempt = models.PositiveSmallIntegerField(default=1)
    leases = models.PositiveIntegerField(default=0)
    leased_at = models.DateTimeField(null=True, help_text="When the current attempt was offered.")
    lease_until = models.DateTimeField(null=True)

    send_at = models.DateTimeField(null=True)
    next_attempt_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=200, blank=True)
    phone_key = models.CharField(
        max_length=100, blank=True, help_text="What makes a repeated inbound report the same text."
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        permissions = [("view_message_text", "Can read what messages say")]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "public_id"], name="message_public_id"),
            models.UniqueConstraint(
                fields=["device", "phone_key"],
                condition=~Q(phone_key=""),
                name="message_received_once",
            ),
        ]
        indexes = [
            # Lists and their filters.
            models.Index(fields=["tenant", "status", "public_id"], name="message_by_status"),
            models.Index(fields=["tenant", "direction", "public_id"], name="message_by_direction"),
            models.Index(fields=["tenant", "recipient", "public_id"], name="message_by_recipient"),
            models.Index(
                fields=["tenant", "sender", "public_id"],
                condition=~Q(sender=""),
                name="message_by_sender",
            ),
            models.Index(fields=["tenant", "device", "public_id"], name="message_by_device"),
            models.Index(
                fields=["tenant", "ref", "public_id"], condition=~Q(ref=""), name="message_by_ref"
            ),
            GinIndex(SearchVector("text", config="simple"), name="message_words"),
            # Queues and sweeps: partial, so that they hold only what is open.
            models.Index(
                fields=["device", "lane", "id"],
                condition=Q(status=Status.QUEUED),
                name="message_queue",
            ),
            models.Index(
                fields=["device", "sim"],
                condition=Q(status__in=sorted(IN_FLIGHT)),
                name="message_in_flight",
            ),
            models.Index(
                fields=["send_at"], condition=Q(status=Status.SCHEDULED), name="message_scheduled"
            ),
            models.Index(
                fields=["expires_at"],
                condition=Q(status__in=sorted(WAITING)),
                name="message_validity",
            ),
            # When a phone received, to notice when it does so no more; only inbound ones pay.
            models.Index(
                fields=["device", "created_at"],
                condition=Q(direction="inbound"),
                name="message_inbound_by_device",
            ),
            # Budgets: what left through a SIM lately.
            models.Index(
                fields=["sim", "leased_at"],
                condition=Q(leased_at__isnull=False),
                name="message_sim_use",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)

    @property
    def attempt_id(self) -> str:
        return f"{self.external_id}.{self.attempt}"


class MessageEvent(models.Model):
    """One thing that happened to a message; appended, never changed.

    `key` makes a repeated report the same event. `occurred_at` is the phone's clock and only shown;
    `received_at` is ours.
    """

    tenant = models.ForeignKey(
        Tenant, models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    message = models.ForeignKey(Message, models.CASCADE, related_name="events", db_index=False)
    device = models.ForeignKey(
        Device, models.SET_NULL, null=True, related_name="+", db_index=False, db_constraint=False
    )
    kind = models.CharField(max_length=20)
    key = models.CharField(max_length=60)
    occurred_at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(default=timezone.now)
    detail = models.JSONField(default=dict)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(fields=["message", "key"], name="message_event_once")
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
