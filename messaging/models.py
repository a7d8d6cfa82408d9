"""Texts, outbound and inbound, and what happened to them."""

from __future__ import annotations

from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models import Q
from django.db.models.functions import Collate, Upper
from django.utils import timezone

from accounts.ids import encode_id, new_id
from accounts.models import Tenant, User
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


class Conversation(models.Model):
    """What a tenant's team keeps of its talk with one number; the texts themselves are messages.

    Made by the first inbound text, or by what somebody does about the number on the pages. What
    programs send does not touch it: that would be a hot row on the path of every send. So its
    `last_…` columns, and the order of the list, know inbound texts and the team's replies only; the
    thread reads all messages of the number, whoever sent them.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="conversations")
    number = models.CharField(max_length=32, help_text="As messages store it: E.164, or a name.")
    activity_id = models.UUIDField(
        default=new_id, help_text="A UUIDv7 of the last activity; the list runs on it."
    )
    last_message_at = models.DateTimeField(null=True, blank=True)
    last_direction = models.CharField(
        max_length=10, choices=Message.Direction.choices, blank=True, help_text="Blank = no text."
    )
    last_text = models.CharField(
        max_length=160, blank=True, help_text="How it begins; blank if the tenant keeps no texts."
    )
    unread = models.PositiveIntegerField(default=0, help_text="Inbound since somebody looked.")
    assigned_to = models.ForeignKey(
        User, models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "number"], name="conversation_once")
        ]
        indexes = [
            models.Index(fields=["tenant", "activity_id"], name="conversation_by_activity"),
            models.Index(
                fields=["tenant", "activity_id"],
                condition=Q(unread__gt=0),
                name="conversation_unread",
            ),
            models.Index(
                fields=["tenant", "assigned_to", "activity_id"], name="conversation_by_member"
            ),
            models.Index("tenant", Collate("number", "C"), name="conversation_by_number"),
        ]

    def __str__(self) -> str:
        return self.number


class ConversationNote(models.Model):
    """What a member tells the others about a conversation; never sent."""

    public_id = models.UUIDField(default=new_id, editable=False)
    conversation = models.ForeignKey(
        Conversation, models.CASCADE, related_name="notes", db_index=False
    )
    author = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    author_name = models.CharField(max_length=254, help_text="Kept when the person is gone.")
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [models.Index(fields=["conversation", "public_id"], name="note_by_conversation")]

    def __str__(self) -> str:
        return f"{self.author_name} on {self.conversation}"


class CannedReply(models.Model):
    """A text that the team answers with again and again; may have `{{name}}` to fill in."""

    ID_PREFIX = "can_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="canned_replies")
    title = models.CharField(max_length=60)
    text = models.TextField()

    class Meta:
        ordering = ["title"]
        verbose_name_plural = "canned replies"
        constraints = [models.UniqueConstraint(fields=["tenant", "title"], name="canned_once")]

    def __str__(self) -> str:
        return self.title

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)


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


class Export(models.Model):
    """Texts of a list, written to a file by a worker; deleted a day after it is done.

    The file is rows of ExportPart, because the worker and whoever serves the download may be on
    different hosts. For XLSX the parts are JSON until all is read, and then the file.
    """

    class Format(models.TextChoices):
        CSV = "csv", "CSV"
        XLSX = "xlsx", "Excel (XLSX)"

    class Status(models.TextChoices):
        WAITING = "waiting"  # start_export
        RUNNING = "running"  # a worker has begun
        DONE = "done"  # the file is whole
        FAILED = "failed"  # given up after several tries

    ID_PREFIX = "exp_"

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="exports")
    user = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    filters = models.JSONField(default=dict, help_text="As the query of the list.")
    summary = models.CharField(max_length=300, blank=True, help_text="The filters, for people.")
    format = models.CharField(max_length=4, choices=Format.choices)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    cursor = models.CharField(max_length=300, blank=True, help_text="Where the next part begins.")
    is_read = models.BooleanField(default=False, help_text="No more texts are to be read.")
    is_cut = models.BooleanField(default=False, help_text="There were more than fit.")
    done = models.PositiveIntegerField(default=0, help_text="Texts written so far.")
    total = models.PositiveIntegerField(null=True, help_text="Counted when the worker began.")
    parts = models.PositiveIntegerField(default=0)
    tries = models.PositiveSmallIntegerField(default=0, help_text="Since something was written.")
    created_at = models.DateTimeField(default=timezone.now)
    touched_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["tenant", "public_id"], name="export_by_tenant"),
            models.Index(
                fields=["touched_at"],
                condition=Q(status__in=["running", "waiting"]),
                name="export_open",
            ),
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def external_id(self) -> str:
        return encode_id(self.ID_PREFIX, self.public_id)

    @property
    def is_open(self) -> bool:
        """Whether a worker will go on with it."""
        return self.status in {self.Status.WAITING, self.Status.RUNNING}


class ExportPart(models.Model):
    """The `number`-th piece of an export's file."""

    export = models.ForeignKey(Export, models.CASCADE, related_name="pieces", db_index=False)
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["export", "number"], name="export_part_once")
        ]

    def __str__(self) -> str:
        return f"{self.export} part {self.number}"
