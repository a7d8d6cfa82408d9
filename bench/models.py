"""The table of floor B. Only `bench.floor_settings` installs it; `bench/database.py` creates it."""

from typing import ClassVar

from django.db import models


class FloorRow(models.Model):
    """A message at its plainest: no index but the primary key, no foreign key."""

    id = models.BigAutoField(primary_key=True)
    tenant_id = models.BigIntegerField()
    recipient = models.CharField(max_length=32)
    text = models.TextField()
    status = models.CharField(max_length=10)
    created_at = models.DateTimeField()

    objects: ClassVar[models.Manager["FloorRow"]] = models.Manager()

    class Meta:
        app_label = "bench"
        managed = False
        db_table = "bench_floor_row"

    def __str__(self) -> str:
        return self.recipient
