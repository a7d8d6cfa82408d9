"""Who you are and what you may do."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

from accounts.ids import encode_id, new_id


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person, known by e-mail address; may be a member of several tenants."""

    username = None  # type: ignore[assignment]  # the e-mail address is the name here
    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]  # no username

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def __str__(self) -> str:
        return self.email


def check_time_zone(name: str) -> None:
    """Refuse a name that the time-zone database does not have."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValidationError(
            f"{name!r} is no time zone; use a name such as Europe/Berlin."
        ) from error


class FeatureLimits(models.Model):
    """How much a tenant may have; accounts/limits.py enforces it."""

    max_members = models.PositiveIntegerField(
        "members", null=True, blank=True, help_text="People, and open invitations."
    )
    max_phones = models.PositiveIntegerField(
        "phones", null=True, blank=True, help_text="Revoked ones do not count."
    )
    max_rules = models.PositiveIntegerField("rules", null=True, blank=True)
    max_endpoints = models.PositiveIntegerField("webhook endpoints", null=True, blank=True)
    max_api_keys = models.PositiveIntegerField(
        "API keys", null=True, blank=True, help_text="Revoked and expired ones do not count."
    )
    segments_per_day = models.PositiveIntegerField(
        "segments a day",
        null=True,
        blank=True,
        help_text="Segments queued in 24 hours, which begin with the first of them.",
    )

    class Meta:
        abstract = True


class Plan(FeatureLimits):
    """What tenants may have who are on it; a limit that is null is none."""

    name = models.CharField(max_length=60, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Tenant(FeatureLimits):
    """One business. Everything else belongs to exactly one.

    Limits of its own go before those of its plan; one that is null is as the plan says.
    """

    class Status(models.TextChoices):
        ACTIVE = "active"
        SUSPENDED = "suspended"

    ID_PREFIX = "ten_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    name = models.CharField(max_length=100)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.ACTIVE)
    suspended_at = models.DateTimeField(null=True, blank=True)
    suspended_reason = models.CharField(max_length=200, blank=True)
    default_country = models.CharField(
        max_length=2,
        blank=True,
        help_text="ISO 3166 code with which national numbers are read, such as SG; "
        "without one only numbers that begin with + are understood.",
    )
    time_zone = models.CharField(max_length=64, default="UTC", validators=[check_time_zone])
    hold_when_offline = models.BooleanField(
        default=False,
        help_text="Keep messages for later when no phone is online, rather than refuse.",
    )
    keep_inbound = models.BooleanField(
        default=True,
        help_text="Store inbound texts; without this, only rules and webhooks see them.",
    )
    mail_alerts = models.BooleanField(
        default=True, help_text="E-mail owners and admins when a phone is in trouble."
    )
    retention_days = models.PositiveSmallIntegerField(
        null=True, blank=True, help_text="Delete messages that are older; blank = keep for ever."
    )
    onboarded_at = models.DateTimeField(
        null=True, blank=True, help_text="When the first steps were done, or put away."
    )
    plan = models.ForeignKey(
        Plan,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="tenants",
        help_text="Without one nothing is limited.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="tenants")

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)

    @property
    def is_active(self) -> bool:
        return self.status == self.Status.ACTIVE


class Membership(models.Model):
    """What one person may do in one tenant."""

    class Role(models.TextChoices):
        OWNER = "owner"
        ADMIN = "admin"
        OPERATOR = "operator"
        VIEWER = "viewer"

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "user"], name="member_once")]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.tenant}"


class Invitation(models.Model):
    """An offer to one e-mail address to join a tenant; of its token only a keyed hash is stored."""

    class State(models.TextChoices):
        OPEN = "open"
        EXPIRED = "expired"
        ACCEPTED = "accepted"
        REVOKED = "revoked"

    ID_PREFIX, TOKEN_PREFIX = "inv_", "join_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="invitations")
    email = models.EmailField("e-mail address", help_text="In lower case.")
    role = models.CharField(max_length=20, choices=Membership.Role.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="invited_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.tenant}"

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)

    @property
    def state(self) -> State:
        """Whether it can be accepted, or why not."""
        if self.accepted_at is not None:
            return self.State.ACCEPTED
        if self.revoked_at is not None:
            return self.State.REVOKED
        return self.State.OPEN if self.expires_at > timezone.now() else self.State.EXPIRED


class ApiKey(models.Model):
    """A program's way in. Only a keyed hash is stored; the key itself is shown once."""

    ID_PREFIX = "key_"
    LIVE, TEST = "sk_live_", "sk_test_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="api_keys")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, help_text="The first characters, to tell keys apart.")
    secret_hash = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    allowed_networks = ArrayField(
        models.CharField(max_length=43),
        default=list,
        blank=True,
        help_text="Networks in CIDR form from which the key works; none = from everywhere.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)

    @property
    def is_test(self) -> bool:
        """Test keys talk to simulated phones only."""
        return self.prefix.startswith(self.TEST)

    @property
    def is_live(self) -> bool:
        """Neither revoked nor expired."""
        expired = self.expires_at is not None and self.expires_at <= timezone.now()
        return self.revoked_at is None and not expired


class AccessToken(models.Model):
    """What a program got for an API key, for a while, from a dialect that hands such things out.

    It may do what both its scopes, in the dialect's own words, and its key allow, and it ends with
    the key. Of the token, and of the one that gets the next, only keyed hashes are stored.
    """

    ACCESS, REFRESH = "at_", "rt_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    api_key = models.ForeignKey(ApiKey, models.CASCADE, related_name="access_tokens")
    dialect = models.CharField(max_length=20, help_text="It works in this one only.")
    scopes = ArrayField(models.CharField(max_length=40), default=list)
    access_hash = models.CharField(max_length=64, unique=True)
    refresh_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    refresh_until = models.DateTimeField(db_index=True, help_text="Not before it expires.")
    refreshed_at = models.DateTimeField(null=True, help_text="The next one was handed out then.")
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"access token of {self.api_key}"

    @property
    def is_live(self) -> bool:
        """Neither revoked nor expired; its key is asked separately."""
        return self.revoked_at is None and self.expires_at > timezone.now()


class IdempotencyRecord(models.Model):
    """The answer to a request that carried an Idempotency-Key, kept for a day.

    It is written in the transaction of the work itself, so it exists exactly when the work is done.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    key = models.CharField(max_length=255)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of method, path and body.")
    status = models.PositiveSmallIntegerField(default=0)
    body = models.BinaryField(default=b"")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="idempotency_once")]

    def __str__(self) -> str:
        return self.key


class AuditEntry(models.Model):
    """Who did what to an account; appended, never changed."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="audit_entries")
    actor = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    actor_name = models.CharField(max_length=254, help_text="Kept when the person is gone.")
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=100, blank=True)
    detail = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [
            models.Index(fields=["tenant", "-id"], name="audit_by_tenant"),
            models.Index(fields=["tenant", "target", "-id"], name="audit_by_target"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_name}"


class CreditEntry(models.Model):
    """One addition to a tenant's credit, or with a minus a deduction; appended, never changed.

    The balance is the sum.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="credit_entries")
    amount = models.DecimalField(
        max_digits=12, decimal_places=2, help_text="With a minus it is a deduction."
    )
    note = models.CharField(max_length=200)
    actor = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")
    actor_name = models.CharField(max_length=254, help_text="Kept when the person is gone.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "credit entries"

    def __str__(self) -> str:
        return f"{self.amount:+} for {self.tenant}"
