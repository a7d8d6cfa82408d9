"""Exports: what is in the files, and that a file is whole or not there."""

import csv
import io
import zipfile
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEntry, Membership
from accounts.tests.factories import MembershipFactory, UserFactory
from devices.tests.factories import DeviceFactory
from messaging import tasks
from messaging.api.inputs import ListQuery
from messaging.export_files import HEADINGS, tame
from messaging.models import Export, ExportPart
from messaging.services import exports
from messaging.tests.factories import ContactFactory, MessageFactory, change, in_bulk

pytestmark = pytest.mark.django_db

Role = Membership.Role
CSV, XLSX = Export.Format.CSV, Export.Format.XLSX


@pytest.fixture
def device():
    return DeviceFactory(name="Front desk", tenant__time_zone="Asia/Singapore")


@pytest.fixture
def log_in(client, device):
    """A function that logs a member of the device's tenant in, with a role."""

    def as_member(role=Role.OPERATOR):
        client.force_login(MembershipFactory(tenant=device.tenant, role=role).user)
        return client

    return as_member


def start(device, file_format=CSV, **filters) -> Export:
    return exports.start_export(
        tenant=device.tenant,
        user=UserFactory(),
        query=ListQuery(**filters),
        file_format=file_format,
        summary="",
    )


def finish(export: Export) -> Export:
    assert exports.write_some(seconds=60) == 0
    export.refresh_from_db()
    assert export.status == "done"
    return export


def cells(export: Export) -> list[list[str]]:
    """Rows of a CSV file, headings included."""
    text = b"".join(exports.pieces_of(export)).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline="")))


def sheet(export: Export) -> list[list[str]]:
    """Rows of a workbook's cells, of which all must be text."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    with zipfile.ZipFile(io.BytesIO(b"".join(exports.pieces_of(export)))) as book:
        tree = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    found = list(tree.iter(f"{space}c"))
    assert {cell.get("t") for cell in found} == {"inlineStr"}
    return [
        ["".join(text.text or "" for text in cell.iter(f"{space}t")) for cell in row]
        for row in tree.iter(f"{space}row")
    ]


def test_csv_has_a_row_for_each_message_in_the_tenants_time(device):
    ContactFactory(tenant=device.tenant, number="+6581230001", name="=Ann")
    message = MessageFactory(
        device=device,
        leased=True,
        recipient="+6581230001",
        text='She said "hi"\nand left',
        ref="order-1",
        metadata={"a": 1},
        created_at=datetime(2026, 3, 1, 16, 30, tzinfo=UTC),
    )
    MessageFactory()
    headings, row = cells(finish(start(device)))
    assert headings == list(HEADINGS)
    assert dict(zip(headings, row, strict=True)) == {
        "Id": message.external_id,
        "Time": "2026-03-02 00:30:00",
        "Direction": "outbound",
        "Status": "queued",
        "From": "",
        "To": "'+6581230001",
        "Contact": "'=Ann",
        "Text": 'She said "hi"\nand left',
        "Segments": "1",
        "Encoding": "gsm7",
        "Phone": "Front desk",
        "SIM": "1",
        "Ref": "order-1",
        "Sent": "",
        "Delivered": "",
        "Failed": "",
        "Error code": "",
        "Error": "",
        "Metadata": '{"a":1}',
    }


@pytest.mark.parametrize("start_of_cell", list("=+-@\t\r\n\0＝＋－＠"))
def test_cell_that_a_spreadsheet_would_calculate_gets_an_apostrophe(start_of_cell):
    assert tame(f"{start_of_cell}1+1") == f"'{start_of_cell}1+1"


@pytest.mark.parametrize("cell", ["", "Hello", "1-1", "'=1", " =1", "81230001"])
def test_other_cells_stay_as_they_are(cell):
    assert tame(cell) == cell


def test_workbook_has_text_cells_only(device):
    MessageFactory(device=device, recipient="+6581230001", text="=1+1")
    MessageFactory(device=device, recipient="81230", text="https://example.com")
    headings, newest, oldest = sheet(finish(start(device, XLSX)))
    assert headings == list(HEADINGS)
    assert (newest[4:6], oldest[4:6]) == (
        ["81230", "https://example.com"],
        ["+6581230001", "=1+1"],
    )


@pytest.mark.parametrize(("file_format", "read"), [(CSV, cells), (XLSX, sheet)])
def test_file_without_messages_has_headings(device, file_format, read):
    assert read(finish(start(device, file_format))) == [list(HEADINGS)]


@pytest.mark.parametrize(("file_format", "read"), [(CSV, cells), (XLSX, sheet)])
def test_long_list_is_written_in_parts_newest_first(device, file_format, read, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 4)
    made = in_bulk(10, device=device)
    export = finish(start(device, file_format))
    assert (export.done, export.total, export.is_cut) == (10, 10, False)
    assert [row[0] for row in read(export)[1:]] == [m.external_id for m in reversed(made)]


def test_filters_narrow_the_file(device):
    wanted = MessageFactory(device=device, status="failed", text="Hello there")
    MessageFactory(device=device, status="unknown")
    MessageFactory(device=device, text="there")
    hour = timedelta(hours=1)
    export = start(
        device,
        status="failed",
        direction="outbound",
        q="there",
        device_id=device.external_id,
        since=timezone.now() - hour,
        until=timezone.now() + hour,
    )
    assert (finish(export).total, [row[0] for row in cells(export)[1:]]) == (
        1,
        [wanted.external_id],
    )


def test_what_comes_later_is_not_in_the_file(device, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 1)
    made = in_bulk(2, device=device)
    export = start(device)
    exports.write_some(seconds=1e-9)
    assert Export.objects.get().parts == 0  # no time for a part, but the try is counted
    one_part(export)
    MessageFactory(device=device)
    export.refresh_from_db()
    assert len(cells(finish(export))) == 1 + len(made)


def one_part(export: Export) -> None:
    """Write a part as a worker that is killed right after it."""
    export.refresh_from_db()
    assert exports._write_part(export, exports.RowWriter(export.tenant))


@pytest.mark.parametrize(("file_format", "read"), [(CSV, cells), (XLSX, sheet)])
def test_another_worker_goes_on_where_a_killed_one_stopped(device, file_format, read, monkeypatch):
    monkeypatch.setattr(exports, "ROWS_AT_ONCE", 2)
    made = in_bulk(5, device=device)
    export = start(device, file_format)
    one_part(export)
    assert (export.done, Export.objects.get().status) == (2, "waiting")
    assert [row[0] for row in read(finish(export))[1:]] == [m.external_id for m in reversed(made)]


def test_two_workers_at_the_same_part_store_it_once(device):
    in_bulk(3, device=device)
    export = start(device)
    other = Export.objects.get()
    writer = exports.RowWriter(device.tenant)
    assert [exports._write_part(row, writer) for row in (export, other)] == [True, False]
    assert ExportPart.objects.count() == 1
    assert len(cells(finish(export))) == 4


def test_worker_stops_when_the_export_is_deleted(device):
    export = start(device)
    same = Export.objects.get()
    exports.delete_export(export=export, user=UserFactory())
    assert exports._write_part(same, exports.RowWriter(device.tenant)) is False
    assert (Export.objects.count(), ExportPart.objects.count()) == (0, 0)


def test_export_that_kills_its_worker_is_given_up(device, monkeypatch):
    def break_down(*_):
        raise RuntimeError("worker killed")

    monkeypatch.setattr(exports, "page_of_messages", break_down)
    export = start(device)
    for _ in range(exports.MOST_TRIES):
        with pytest.raises(RuntimeError):
            exports.write_some(seconds=60)
    assert exports.write_some(seconds=60) == 0
    export.refresh_from_db()
    assert export.status == "failed"


def test_longest_waiting_export_is_first(device):
    first, second = start(device), start(device)
    change(first, touched_at=timezone.now() + timedelta(seconds=1))
    assert exports.write_some(seconds=60) == 1
    assert list(Export.objects.filter(status="done")) == [second]


@pytest.mark.parametrize("file_format", [CSV, XLSX])
def test_file_has_room_for_so_many_and_says_when_there_are_more(device, file_format, monkeypatch):
    monkeypatch.setitem(exports.MOST_ROWS, file_format, 3)
    in_bulk(4, device=device)
    export = finish(start(device, file_format))
    assert (export.done, export.total, export.is_cut) == (3, 3, True)


def test_exports_are_deleted_a_day_after_they_are_done(device):
    export = finish(start(device))
    with time_machine.travel(timezone.now() + timedelta(hours=23)):
        assert tasks.prune_exports() == 0
    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        assert list(exports.exports_for(device.tenant)) == []
        assert tasks.prune_exports() == 1
    assert (Export.objects.filter(pk=export.pk).count(), ExportPart.objects.count()) == (0, 0)


def test_task_writes_what_waits(device):
    start(device)
    assert tasks.write_exports() == 0
    assert Export.objects.get().status == "done"


def test_page_starts_an_export_of_the_filters_in_its_url(log_in, device):
    client = log_in()
    wanted = MessageFactory(device=device, status="failed")
    MessageFactory(device=device)
    answer = client.post("/messages/exports?status=failed", {"format": "csv"})
    assert (answer.status_code, answer.url) == (302, "/messages/exports")
    export = Export.objects.get()
    entry = AuditEntry.objects.get(action="messages.exported")
    assert (entry.target, entry.detail) == (
        export.external_id,
        {"format": "csv", "filters": "status: failed"},
    )
    finish(export)
    file = client.get(f"/messages/exports/{export.external_id}")
    body = b"".join(file.streaming_content)
    assert body.count(wanted.external_id.encode()) == 1
    assert file["Content-Disposition"].startswith('attachment; filename="messages-20')
    assert file["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize(("query", "body"), [("", {}), ("", {"format": "exe"}), ("?since=x", {})])
def test_page_starts_nothing_that_it_did_not_offer(log_in, query, body):
    assert log_in().post(f"/messages/exports{query}", body).status_code == 404
    assert Export.objects.count() == 0


def test_twenty_exports_a_day_are_enough(log_in, device):
    for _ in range(20):
        start(device)
    log_in().post("/messages/exports", {"format": "csv"})
    assert Export.objects.count() == 20


@pytest.mark.parametrize("status", ["waiting", "running", "failed"])
def test_file_cannot_be_fetched_before_it_is_whole(log_in, device, status):
    client, export = log_in(), start(device)
    one_part(export)
    change(export, status=status)
    path = f"/messages/exports/{export.external_id}"
    assert client.get(path).status_code == 404
    assert client.get("/messages/exports").content.count(f'href="{path}"'.encode()) == 0


def test_file_cannot_be_fetched_when_it_ran_out(log_in, device):
    client, export = log_in(), finish(start(device))
    change(export, expires_at=timezone.now())
    assert client.get(f"/messages/exports/{export.external_id}").status_code == 404


def test_page_asks_again_only_while_one_is_written(log_in, device):
    client, export = log_in(), start(device)
    asks = [client.get("/messages/exports/rows").content.count(b"every 2s")]
    finish(export)
    asks.append(client.get("/messages/exports/rows").content.count(b"every 2s"))
    assert asks == [1, 0]


def test_export_of_another_tenant_is_not_found(log_in, device):
    client, foreign = log_in(), finish(start(DeviceFactory()))
    path = f"/messages/exports/{foreign.external_id}"
    assert client.get(path).status_code == 404
    assert client.post(f"{path}/delete").status_code == 404
    assert list(client.get("/messages/exports").context["exports"]) == []


def test_viewers_may_not_export(log_in, device):
    client, export = log_in(Role.VIEWER), finish(start(device))
    path = f"/messages/exports/{export.external_id}"
    asked = [client.get(path), client.get("/messages/exports"), client.post(f"{path}/delete")]
    asked.append(client.post("/messages/exports", {"format": "csv"}))
    assert [answer.status_code for answer in asked] == [403] * 4


def test_export_is_deleted_by_whoever_may_make_one(log_in, device):
    client, export = log_in(), start(device)
    assert client.get(f"/messages/exports/{export.external_id}/delete").status_code == 405
    client.post(f"/messages/exports/{export.external_id}/delete")
    assert Export.objects.count() == 0


def test_page_takes_as_many_queries_for_one_export_as_for_ten(log_in, device):
    client = log_in()
    start(device)
    client.get("/messages/exports")

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            client.get("/messages/exports")
        return len(captured)

    one = queries()
    for _ in range(9):
        start(device)
    assert queries() == one
