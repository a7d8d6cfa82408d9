"""Ways in for business systems: their own JSON becomes an SMS."""

from __future__ import annotations

from django.db import models
from django.utils import timezone

from accounts.ids import encode_id, new_id
from accounts.models import Tenant


class Ingress(models.Model):
    """One business system's address at the gateway, and where in its payloads things are.

    Blank paths are the preset's. The token authorises whoever posts, so it is found by its keyed
    hash, and kept encrypted beside it because the URL must be shown again.
    """

    ID_PREFIX = "wkh_"
    TOKEN_PREFIX = "ig_"  # noqa: S105 - a prefix, not a secret

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="ingresses")
    name = models.CharField(max_length=100)
    preset = models.CharField(max_length=20)
    is_enabled = models.BooleanField(default=True)
    to_path = models.CharField(max_length=200, blank=True)
    text_path = models.CharField(max_length=200, blank=True)
    ref_path = models.CharField(max_length=200, blank=True)
    text_template = models.TextField(blank=True, help_text="Composes the text; beats text_path.")
    once_per_ref = models.BooleanField(
        default=False, help_text="A ref that was seen before gets the first answer again."
    )
    requests_per_minute = models.PositiveIntegerField(default=600)

    token_hash = models.CharField(max_length=64, unique=True)
    token = models.TextField(help_text="Encrypted.")
    signing_secret = models.TextField(blank=True, help_text="Encrypted; blank = unsigned is fine.")
    signing_header = models.CharField(max_length=100, default="X-Webhook-Signature")
    outbound_url = models.TextField(blank=True, help_text="Hears every inbound text.")
    created_at = models.DateTimeField(auto_now_add=True)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "ingresses"

    def __str__(self) -> str:
        return self.name

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class IngressPayload(models.Model):
    """One of the last 50 bodies that came in, and what was made of it."""

    ID_PREFIX = "pay_"

    public_id = models.UUIDField(default=new_id, editable=False)
    ingress = models.ForeignKey(Ingress, models.CASCADE, related_name="payloads", db_index=False)
    content_type = models.CharField(max_length=100, blank=True)
    body = models.TextField(help_text="The first 16 kB.")
    is_cut = models.BooleanField(default=False, help_text="There was more of the body.")
    extracted = models.JSONField(default=dict, help_text="to, text, ref and where they were found.")
    status = models.PositiveSmallIntegerField(help_text="The HTTP status that was answered.")
    error_code = models.CharField(max_length=40, blank=True)
    error = models.CharField(max_length=200, blank=True)
    message = models.CharField(max_length=40, blank=True, help_text="The msg_ that was queued.")
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["ingress", "-id"], name="payload_by_ingress")]

    def __str__(self) -> str:
        return f"{self.received_at:%F %T} {self.status}"

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class IngressRef(models.Model):
    """A ref that an ingress with `once_per_ref` has used, and the answer it got."""

    ingress = models.ForeignKey(Ingress, models.CASCADE, related_name="refs", db_index=False)
    ref = models.CharField(max_length=64, help_text="Or the SHA-256 of a longer one.")
    answer = models.JSONField()
    created_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["ingress", "ref"], name="ingress_ref_once")]

    def __str__(self) -> str:
        return self.ref
