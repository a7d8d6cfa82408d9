"""Where other systems are told, what they are told, and how that went."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.ids import encode_id, new_id
from accounts.models import Tenant


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    def of(self, tenant: Tenant) -> EndpointQuerySet:
        """Those that the tenant manages: neither rows of a host nor deleted ones."""
        return self.filter(tenant=tenant, kind=Endpoint.Kind.ENDPOINT, deleted_at=None)


class Endpoint(models.Model):
    """A receiver of the tenant's, with the secret that signs what is sent there.

    The first one is provisioned with the tenant's first phone, without a URL yet. Receivers that
    are named elsewhere (a message's callback, a rule's URL, an ingress's mirror) share one row of
    kind `host` for each scheme, host and port, so that they too have a breaker and a limit of
    requests in flight. Such a row has no secret: the tenant's first endpoint's signs.

    A deleted one is disabled, subscribes to nothing and has no secret; the row stays as long as
    deliveries of it are in the log.
    """

    class Kind(models.TextChoices):
        ENDPOINT = "endpoint"
        HOST = "host"

    class State(models.TextChoices):
        ENABLED = "enabled"
        PAUSED = "paused"  # by the tenant: deliveries wait, and go out when it resumes
        DISABLED = "disabled"  # by failures, by 410 or by the tenant: held for 14 days, for replay

    ID_PREFIX = "wkh_"
    SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="endpoints")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.ENDPOINT)
    name = models.CharField(max_length=100, blank=True)
    url = models.TextField(blank=True)
    events = ArrayField(models.CharField(max_length=40), default=list)
    format = models.CharField(max_length=40, default="native", help_text="Of WEBHOOK_FORMATS.")
    options = models.JSONField(
        default=dict, blank=True, help_text="What its format has to know about this endpoint."
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.ENABLED)
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=200, blank=True)

    secret = models.TextField(blank=True, help_text="Encrypted; shown once, when it is made.")
    secret_prefix = models.CharField(max_length=12, blank=True)
    previous_secret = models.TextField(blank=True, help_text="Encrypted; signs too, for a day.")
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    # Health: written after attempts, read by the breaker and by whoever wonders.
    failing_since = models.DateTimeField(null=True, blank=True)
    last_success_at = models.DateTimeField(null=True, blank=True)
    last_failure_at = models.DateTimeField(null=True, blank=True)
    warnings_sent = models.PositiveSmallIntegerField(default=0, help_text="E-mails since then.")
    breaker_until = models.DateTimeField(
        null=True, blank=True, help_text="Open: nothing before that, and one probe after it."
    )
    counted_since = models.DateTimeField(
        null=True, blank=True, help_text="What was tried before that opens the breaker no more."
    )

    objects = EndpointQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "url"], condition=Q(kind="host"), name="host_once"
            )
        ]

    def __str__(self) -> str:
        return self.name or self.external_id

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class Event(models.Model):
    """Something that happened, as receivers are told: serialised once, sent as the same bytes."""

    ID_PREFIX = "evt_"

    public_id = models.UUIDField(default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(max_length=40)
    key = models.CharField(max_length=160, help_text="What makes a repeated fact the same event.")
    body = models.TextField(help_text="JSON; emptied after delivery when it may not be kept.")
    is_private = models.BooleanField(
        default=False, help_text="The tenant keeps no texts: the body goes when it is delivered."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key"], name="event_once"),
            models.UniqueConstraint(fields=["tenant", "public_id"], name="event_public_id"),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="event_age"),
            models.Index(fields=["tenant", "name"], name="event_by_name"),
            models.Index(
                fields=["id"], condition=Q(is_private=True) & ~Q(body=""), name="event_private"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.external_id}"

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class Delivery(models.Model):
    """One event on its way to one URL. `claim` is the fence: a stale worker's result is not taken.

    pending -> succeeded | failed; `held` while its endpoint is disabled, `pending` again on replay.
    While a worker has it in hand, `claimed_until` is set and `next_attempt_at` is the same: a claim
    that ran out makes it due again by itself.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        SUCCEEDED = "succeeded"
        FAILED = "failed"  # every try was used, or the receiver is gone
        HELD = "held"  # the endpoint was disabled; kept for a replay

    ID_PREFIX = "dlv_"

    public_id = models.UUIDField(default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    endpoint = models.ForeignKey(
        Endpoint, models.CASCADE, related_name="deliveries", db_index=False
    )
    url = models.TextField(
        help_text="Where it goes or went; its endpoint's, unless it has its own."
    )
    has_own_url = models.BooleanField(
        default=False, help_text="A message, a rule or an ingress named it."
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(
        default=0, help_text="Since it was made or replayed."
    )
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    claim = models.PositiveIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, help_text="In flight until then at most.")
    crashes = models.PositiveSmallIntegerField(
        default=0, help_text="Claims in a row that ran out: their workers died."
    )
    created_at = models.DateTimeField(default=timezone.now)
    finished_at = models.DateTimeField(null=True)
    last_status = models.PositiveSmallIntegerField(null=True, help_text="HTTP status, if any.")
    last_error = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["event", "endpoint"], condition=Q(has_own_url=False), name="delivery_once"
            ),
            models.UniqueConstraint(
                fields=["event", "endpoint", "url"],
                condition=Q(has_own_url=True),
                name="delivery_once_to_url",
            ),
            models.UniqueConstraint(fields=["tenant", "public_id"], name="delivery_public_id"),
        ]
        indexes = [
            models.Index(fields=["endpoint", "public_id"], name="delivery_by_endpoint"),
            models.Index(fields=["tenant", "status", "public_id"], name="delivery_by_status"),
            # Queues: partial, so that they hold only what is open.
            models.Index(
                fields=["endpoint", "next_attempt_at", "id"],
                condition=Q(status="pending"),
                name="delivery_due",
            ),
            models.Index(
                fields=["claimed_until"],
                condition=Q(claimed_until__isnull=False),
                name="delivery_in_flight",
            ),
            models.Index(
                fields=["endpoint", "created_at"],
                condition=Q(status__in=["failed", "held"]),
                name="delivery_to_replay",
            ),
            models.Index(
                fields=["created_at"], condition=Q(status="held"), name="delivery_held_age"
            ),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class DeliveryAttempt(models.Model):
    """One HTTP exchange: what was sent and what came back, 4 kB of it."""

    delivery = models.ForeignKey(Delivery, models.CASCADE, related_name="history")
    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="+", db_index=False)
    started_at = models.DateTimeField()
    duration_ms = models.PositiveIntegerField()
    address = models.CharField(max_length=45, blank=True, help_text="The IP address dialled.")
    request_headers = models.JSONField(default=dict)
    status = models.PositiveSmallIntegerField(null=True)
    response_headers = models.JSONField(default=dict)
    response_body = models.TextField(blank=True)
    error = models.CharField(
        max_length=200, blank=True, help_text="Why there was no answer: its kind, and a sentence."
    )

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(fields=["started_at"], name="attempt_age"),
            models.Index(fields=["endpoint", "-id"], name="attempt_by_endpoint"),
        ]

    def __str__(self) -> str:
        return f"{self.status or self.error}"
