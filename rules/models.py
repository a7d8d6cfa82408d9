"""What happens by itself when a text comes in."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.ids import encode_id, new_id
from accounts.models import Tenant
from messaging.models import Group, Message


class Rule(models.Model):
    """A pattern and what to do when a text fits it; the lowest priority is tried first."""

    class MatchType(models.TextChoices):
        CONTAINS = "contains"
        EXACT = "exact"
        REGEX = "regex"
        ANY = "any"

    ID_PREFIX = "rule_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="rules", db_index=False)
    name = models.CharField(max_length=100)
    is_enabled = models.BooleanField(default=True)
    priority = models.IntegerField(default=100)

    match_type = models.CharField(max_length=10, choices=MatchType.choices)
    pattern = models.CharField(max_length=256, blank=True)
    from_filter = models.CharField(
        max_length=256, blank=True, help_text="A number, part of one, or a pattern; blank = anyone."
    )
    active_from = models.TimeField(null=True, blank=True, help_text="In the tenant's time zone.")
    active_until = models.TimeField(null=True, blank=True, help_text="May be on the next day.")
    active_days = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        help_text="ISO weekdays, 1 = Monday; none = every day.",
    )
    cool_down_seconds = models.PositiveIntegerField(default=0, help_text="Per sender; 0 = none.")

    reply_enabled = models.BooleanField(default=False)
    reply_template = models.TextField(blank=True)
    email = models.EmailField(blank=True)
    email_subject = models.CharField(max_length=200, blank=True)
    email_body = models.TextField(blank=True)
    webhook = models.TextField(blank=True)
    forward_to = models.CharField(max_length=32, blank=True)
    add_to_group = models.ForeignKey(
        Group, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    opt_out = models.BooleanField(default=False)

    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["priority", "id"]
        indexes = [models.Index(fields=["tenant", "priority", "id"], name="rule_order")]

    def __str__(self) -> str:
        return self.name

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class RuleEngineSettings(models.Model):
    """The tenant's switches of the whole engine. A tenant without a row has no rules either.

    `revision` counts the changes of its rules. Each bumps it in its own transaction, so that this
    row tells whether the rules that a process keeps in memory are still those (rules/queries.py).
    """

    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="rule_engine")
    revision = models.PositiveBigIntegerField(default=0, editable=False)
    is_enabled = models.BooleanField(default=True, help_text="The master switch.")
    default_reply_enabled = models.BooleanField(default=False)
    default_reply = models.TextField(blank=True, help_text="When no rule matched.")
    forwards_all = models.BooleanField(
        default=True,
        help_text="Webhooks hear every inbound text, and not only those that a rule matched.",
    )

    def __str__(self) -> str:
        return f"rule engine of {self.tenant}"


class RuleRun(models.Model):
    """A text that a rule matched (or that got the default reply: no rule), and what came of it."""

    ID_PREFIX = "run_"

    public_id = models.UUIDField(default=new_id, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    rule = models.ForeignKey(Rule, models.SET_NULL, null=True, related_name="runs", db_index=False)
    rule_name = models.CharField(max_length=100, help_text="Kept when the rule is gone.")
    message = models.OneToOneField(
        Message, models.CASCADE, related_name="rule_run", db_constraint=False
    )
    sender = models.CharField(max_length=32)
    skipped = models.CharField(
        max_length=40, blank=True, help_text="Why nothing was done: cool_down."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "public_id"], name="run_public_id")
        ]
        indexes = [
            models.Index(fields=["tenant", "sender", "created_at"], name="run_by_sender"),
            models.Index(fields=["rule", "public_id"], name="run_by_rule"),
            models.Index(fields=["created_at"], name="run_age"),
        ]

    def __str__(self) -> str:
        return self.rule_name

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class RuleAction(models.Model):
    """One thing that a run does, rendered when the rule matched; the row is the work to do.

    pending -> done | failed | skipped. What cannot be taken back (an e-mail) is `started` before it
    is tried, in a commit of its own: found so after a crash, it becomes `unknown` and is never
    tried again.
    """

    class Kind(models.TextChoices):
        REPLY = "reply"
        EMAIL = "email"
        WEBHOOK = "webhook"
        FORWARD = "forward"
        ADD_TO_GROUP = "add_to_group"
        OPT_OUT = "opt_out"

    class Status(models.TextChoices):
        PENDING = "pending"
        STARTED = "started"
        DONE = "done"
        FAILED = "failed"
        SKIPPED = "skipped"  # the loop guard, an opt-out
        UNKNOWN = "unknown"

    run = models.ForeignKey(RuleRun, models.CASCADE, related_name="actions")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    payload = models.JSONField(default=dict, help_text="What to do; emptied if not to be kept.")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, default=timezone.now)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result = models.CharField(max_length=40, blank=True, help_text="The msg_ or evt_ it made.")
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "kind"], name="action_once")]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(status__in=["pending", "started"]),
                name="action_due",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.status}"
