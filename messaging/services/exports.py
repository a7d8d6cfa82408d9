"""Exports: a list of texts becomes a file, a part at a time, in whichever worker has time.

What a worker has written is committed with where to go on, so that another one goes on there when
it is killed. A file can be fetched only when it is whole.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import structlog
from celery import current_app
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from kombu.exceptions import OperationalError

from accounts.api.lists import read_query
from accounts.errors import NotFound
from accounts.ids import decode_id
from accounts.models import Tenant, User
from accounts.services.audit import record_audit
from accounts.services.limits import Limit, spend
from messaging.api.inputs import ListQuery
from messaging.api.lists import count_of_messages, page_of_messages
from messaging.export_files import COLUMNS, RowWriter, csv_part, json_part, write_xlsx
from messaging.models import Export, ExportPart

log = structlog.get_logger(__name__)

QUEUE, TASK = "bulk", "messaging.tasks.write_exports"
ROWS_AT_ONCE = 1000
# A workbook is packed in one go, within the time limit of a task.
MOST_ROWS = {Export.Format.CSV: 1_000_000, Export.Format.XLSX: 50_000}
KEPT = timedelta(hours=24)
MOST_TRIES = 5
_PIECE_BYTES = 1_000_000
_OPEN = (Export.Status.WAITING, Export.Status.RUNNING)
_STARTED = Limit("exports-started", 20, 86_400)


def exports_for(tenant: Tenant) -> QuerySet[Export]:
    """The tenant's exports, newest first; a day's, so they need no pages."""
    now = timezone.now()
    mine = Export.objects.filter(tenant=tenant, expires_at__gt=now)
    return mine.select_related("user").order_by("-public_id")


def export_for(tenant: Tenant, external_id: str) -> Export:
    """The tenant's export `exp_…`; raises NotFound for any other, and for one that expired."""
    public_id = decode_id(Export.ID_PREFIX, external_id)
    export = exports_for(tenant).filter(public_id=public_id).first() if public_id else None
    if export is None:
        raise NotFound
    return export


@transaction.atomic
def start_export(
    *, tenant: Tenant, user: User, query: ListQuery, file_format: Export.Format, summary: str
) -> Export:
    """Have the texts of `query` written; raises RateLimited after twenty in a day."""
    spend(_STARTED, tenant.external_id)
    export = Export.objects.create(
        tenant=tenant,
        user=user,
        filters=_filters_of(query),
        summary=summary[:300],
        format=file_format,
        expires_at=timezone.now() + KEPT,
    )
    record_audit(
        tenant=tenant,
        actor=user,
        action="messages.exported",
        target=export.external_id,
        format=export.format,
        filters=export.summary,
    )
    transaction.on_commit(wake_worker, robust=True)
    return export


@transaction.atomic
def delete_export(*, export: Export, user: User) -> None:
    """Delete an export and its file; a worker that writes it stops at its next part."""
    record_audit(
        tenant=export.tenant, actor=user, action="export.deleted", target=export.external_id
    )
    export.delete()


def wake_worker() -> None:
    """Queue the task that writes; when Redis is away, beat does so later."""
    try:
        current_app.send_task(TASK, queue=QUEUE, expires=60, retry=False)
    except OperationalError as error:
        log.warning("export waits for beat", error=str(error))


def write_some(*, seconds: float) -> int:
    """Go on with the export that waited longest, for about so long; how many are left then."""
    export = Export.objects.select_related("tenant").filter(status__in=_OPEN)
    oldest = export.order_by("touched_at").first()
    if oldest is not None:
        _go_on(oldest, seconds)
    return Export.objects.filter(status__in=_OPEN).count()


def pieces_of(export: Export) -> Iterator[bytes]:
    """The bytes of the file; each piece is a query of its own, so threads may take turns."""
    for number in range(export.parts):
        data = ExportPart.objects.values_list("data", flat=True).get(export=export, number=number)
        yield bytes(data)


def prune_exports() -> int:
    """Delete the exports that ran out; how many there were."""
    expired = Export.objects.filter(expires_at__lte=timezone.now())
    count = expired.count()
    expired.delete()
    return count


def _filters_of(query: ListQuery) -> dict[str, str]:
    given = msgspec.to_builtins(query)
    return {
        name: value
        for name, value in given.items()
        if value is not None and name not in {"limit", "cursor"}
    }


def _go_on(export: Export, seconds: float) -> None:
    """Write parts of `export` until its file is whole or the time is over."""
    if export.tries >= MOST_TRIES:
        _still(export).update(status=Export.Status.FAILED, touched_at=timezone.now())
        log.error("export given up", export=export.external_id)
        return
    _begin(export)
    ends_at = time.monotonic() + seconds
    writer = RowWriter(export.tenant)
    while not export.is_read and time.monotonic() < ends_at:
        if not _write_part(export, writer):
            return
    if export.is_read:
        _finish(export)


def _begin(export: Export) -> None:
    """Count the try before it is made: whatever kills the worker shall not do so for ever."""
    now, tries = timezone.now(), F("tries") + 1
    _still(export).update(status=Export.Status.RUNNING, tries=tries, touched_at=now)
    if export.total is None:
        query = read_query(export.filters, ListQuery)
        most = MOST_ROWS[Export.Format(export.format)]
        total = count_of_messages(export.tenant, query, most=most)
        _still(export).update(total=total)


def _write_part(export: Export, writer: RowWriter) -> bool:
    """Store the next rows together with where to go on; False when that has happened elsewhere."""
    query = read_query(export.filters, ListQuery)
    most = MOST_ROWS[Export.Format(export.format)]
    limit = min(ROWS_AT_ONCE, most - export.done)
    page = msgspec.structs.replace(query, limit=limit, cursor=export.cursor or None)
    messages, cursor = page_of_messages(export.tenant, page, COLUMNS)
    rows = writer.rows_of(messages)
    is_csv = export.format == Export.Format.CSV
    data = csv_part(rows, is_first=export.parts == 0) if is_csv else json_part(rows)
    before = _still(export).filter(parts=export.parts)
    number, export.parts = export.parts, export.parts + 1
    export.done += len(messages)
    export.cursor = cursor or ""
    export.is_cut = cursor is not None and export.done >= most
    export.is_read = cursor is None or export.is_cut
    with transaction.atomic():
        changed = before.update(
            parts=export.parts,
            done=export.done,
            cursor=export.cursor,
            is_cut=export.is_cut,
            is_read=export.is_read,
            tries=0,
            touched_at=timezone.now(),
        )
        if changed:
            ExportPart.objects.create(export=export, number=number, data=data)
    return changed == 1


def _finish(export: Export) -> None:
    """All is read: a CSV file is whole, and a workbook takes the place of its rows."""
    if export.format == Export.Format.CSV:
        _mark_done(export)
        return
    with tempfile.TemporaryDirectory(prefix="export-") as folder:
        path = Path(folder) / "messages.xlsx"
        write_xlsx(str(path), pieces_of(export))
        with transaction.atomic(), path.open("rb") as file:
            pieces = iter(lambda: file.read(_PIECE_BYTES), b"")
            if not _mark_done(export):
                return
            ExportPart.objects.filter(export=export).delete()
            export.parts = 0
            for number, data in enumerate(pieces):
                ExportPart.objects.create(export=export, number=number, data=data)
                export.parts = number + 1
            Export.objects.filter(pk=export.pk).update(parts=export.parts)


def _mark_done(export: Export) -> bool:
    now = timezone.now()
    changed = _still(export).update(
        status=Export.Status.DONE, touched_at=now, expires_at=now + KEPT
    )
    return changed == 1


def _still(export: Export) -> QuerySet[Export]:
    """`export` as a row, unless it was deleted or another worker has ended it."""
    return Export.objects.filter(pk=export.pk, status__in=_OPEN)
