"""Whom a tenant writes to, and who wants no more of it."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Collate, Upper
from django.utils import timezone

from accounts.ids import encode_id, new_id
from accounts.models import Tenant, User


class Contact(models.Model):
    """A number that the tenant is in touch with; made by its first inbound message or by hand."""

    ID_PREFIX = "con_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="contacts")
    number = models.CharField(max_length=32, help_text="As messages store it: E.164, or a name.")
    name = models.CharField(max_length=100, blank=True)
    fields = models.JSONField(
        default=dict, blank=True, help_text="The tenant's own: names to strings, for templates."
    )
    created_at = models.DateTimeField(default=timezone.now)
    last_inbound_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="contact_once")]
        indexes = [
            models.Index(fields=["tenant", "public_id"], name="contact_by_tenant"),
            # How a name starts, in any case; LIKE finds that in the order of "C" and in no other.
            models.Index("tenant", Collate(Upper("name"), "C"), name="contact_by_name"),
            models.Index("tenant", Collate("number", "C"), name="contact_by_number"),
        ]

    def __str__(self) -> str:
        return self.name or self.number

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class Group(models.Model):
    """Contacts that belong together."""

    ID_PREFIX = "grp_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="groups")
    name = models.CharField(max_length=100)
    contacts = models.ManyToManyField(Contact, related_name="groups", blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="group_once")]
        indexes = [models.Index(fields=["tenant", "public_id"], name="group_by_tenant")]

    def __str__(self) -> str:
        return self.name

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class OptOut(models.Model):
    """A number that wants no more messages from the tenant."""

    class Source(models.TextChoices):
        KEYWORD = "keyword"  # its owner sent STOP
        RULE = "rule"
        API = "api"
        DASHBOARD = "dashboard"

    public_id = models.UUIDField(
        default=new_id, editable=False, help_text="Not shown; the list runs on it."
    )
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="opt_outs")
    number = models.CharField(max_length=32)
    source = models.CharField(max_length=10, choices=Source.choices)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["tenant", "number"], name="opt_out_once")]
        indexes = [models.Index(fields=["tenant", "public_id"], name="opt_out_by_tenant")]

    def __str__(self) -> str:
        return self.number


class ContactImport(models.Model):
    """A file of contacts that was read and waits for a yes; deleted when it is done."""

    ID_PREFIX = "imp_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="contact_imports")
    created_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    file_name = models.CharField(max_length=200)
    rows = models.JSONField(help_text="Good rows: [number, name, fields].")
    refused = models.JSONField(help_text="Bad rows: [line, reason].")

    def __str__(self) -> str:
        return self.file_name

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


class KeywordSettings(models.Model):
    """Which words end, resume and explain messages (STOP, START, HELP), and what they answer.

    A tenant without a row has the defaults: English, with the texts of messaging/keywords.py.
    """

    tenant = models.OneToOneField(Tenant, models.CASCADE, related_name="keyword_settings")
    languages = ArrayField(
        models.CharField(max_length=5), default=list, help_text="Of messaging/keywords.py."
    )
    stop_words = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    start_words = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    help_words = ArrayField(models.CharField(max_length=40), default=list, blank=True)
    stop_text = models.CharField(max_length=480, blank=True, help_text="Blank = the default text.")
    start_text = models.CharField(max_length=480, blank=True)
    help_text = models.CharField(max_length=480, blank=True)

    def __str__(self) -> str:
        return f"keywords of {self.tenant}"
