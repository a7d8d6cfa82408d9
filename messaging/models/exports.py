"""Messages as files, written beside the requests."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.ids import encode_id, new_id
from accounts.models import Tenant, User


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
