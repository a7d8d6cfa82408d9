"""What the SMSGate API knows that no other face does."""

from __future__ import annotations

from django.db import models

from accounts.models import Tenant
from messaging.models import Message


class Batch(models.Model):
    """One message of theirs: a text to several numbers under one id, each a message of ours."""

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+")
    public_id = models.CharField(max_length=36, help_text="The client's own, or made here.")
    messages = models.ManyToManyField(
        Message, related_name="smsgate_batches", db_constraint=False, blank=True
    )
    refused = models.JSONField(
        default=list, blank=True, help_text="Recipients who opted out, as the API shows them."
    )
    created_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "batches"
        constraints = [models.UniqueConstraint(fields=["tenant", "public_id"], name="batch_once")]
        indexes = [models.Index(fields=["tenant", "created_at", "id"], name="batch_by_tenant")]

    def __str__(self) -> str:
        return self.public_id


class DeviceSettings(models.Model):
    """A tenant's settings document; kept and shown, and of no effect on phones."""

    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="smsgate_settings")
    document = models.JSONField(default=dict, blank=True)
    signing_key = models.TextField(blank=True, help_text="Encrypted; signs webhooks.")

    class Meta:
        verbose_name_plural = "device settings"

    def __str__(self) -> str:
        return f"SMSGate settings of {self.tenant}"
