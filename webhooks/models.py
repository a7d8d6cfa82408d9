"""Where other systems are told."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from accounts.ids import encode_id, new_id
from accounts.models import Tenant


class Endpoint(models.Model):
    """A URL of the tenant's, with the secret that signs what is sent there.

    The first one is provisioned with the tenant's first phone, without a URL yet.
    """

    ID_PREFIX = "wkh_"
    SECRET_PREFIX = "whsec_"  # noqa: S105 - a prefix, not a secret

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="endpoints")
    url = models.TextField(blank=True)
    events = ArrayField(models.CharField(max_length=40), default=list)
    is_enabled = models.BooleanField(default=False)
    secret = models.TextField(help_text="Encrypted; shown once, when it is made.")
    secret_prefix = models.CharField(max_length=12)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return self.url or self.external_id

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)
