"""Texts as the rows of a file, and files of such rows: CSV and XLSX."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec
import xlsxwriter  # type: ignore[import-untyped]  # it has no types
from django.utils import timezone

from accounts.models import Tenant
from devices.models import Device, Sim
from messaging.api.outputs import PUBLIC_STATUS
from messaging.directory import names_of
from messaging.models import Message
from messaging.states import Status

# What page_of_messages reads for a row.
COLUMNS = (
    "public_id",
    "created_at",
    "direction",
    "status",
    "sender",
    "recipient",
    "text",
    "segments",
    "encoding",
    "device",
    "sim",
    "ref",
    "sent_at",
    "delivered_at",
    "failed_at",
    "error_code",
    "error",
    "metadata",
)
HEADINGS = (
    "Id",
    "Time",
    "Direction",
    "Status",
    "From",
    "To",
    "Contact",
    "Text",
    "Segments",
    "Encoding",
    "Phone",
    "SIM",
    "Ref",
    "Sent",
    "Delivered",
    "Failed",
    "Error code",
    "Error",
    "Metadata",
)
BYTE_ORDER_MARK = "\ufeff"  # without it, Excel takes UTF-8 for the old code page of its country
# What makes a spreadsheet calculate a cell that it reads from CSV, and the full-width forms that
# it takes for the same (OWASP, CSV injection).
_ACTIVE = ("=", "+", "-", "@", "\t", "\r", "\n", "\0", "＝", "＋", "－", "＠")  # noqa: RUF001 - meant
_XLSX_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_numbers": False,
    "strings_to_urls": False,
}
_WIDTHS = {"Id": 28, "Time": 19, "From": 16, "To": 16, "Contact": 20, "Text": 60}


class RowWriter:
    """Messages of one tenant as rows of text, in the order of HEADINGS; times are in its zone."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._devices = dict(Device.objects.of(tenant).values_list("pk", "name"))
        self._sims = dict(Sim.objects.filter(tenant=tenant).values_list("pk", "slot"))

    def rows_of(self, messages: list[Message]) -> list[list[str]]:
        """A row for each of `messages`, which have COLUMNS; one query for the contacts' names."""
        names = names_of(self._tenant, {_other_party(message) for message in messages})
        with timezone.override(self._tenant.time_zone):
            return [self._row(message, names) for message in messages]

    def _row(self, message: Message, names: dict[str, str]) -> list[str]:
        sim = self._sims.get(message.sim_id) if message.sim_id is not None else None
        return [
            message.external_id,
            _local(message.created_at),
            message.direction,
            PUBLIC_STATUS[Status(message.status)],
            message.sender,
            message.recipient,
            names.get(_other_party(message), ""),
            message.text,
            str(message.segments),
            message.encoding,
            self._devices.get(message.device_id, "") if message.device_id is not None else "",
            str(sim or ""),
            message.ref,
            _local(message.sent_at),
            _local(message.delivered_at),
            _local(message.failed_at),
            message.error_code,
            message.error,
            msgspec.json.encode(message.metadata).decode() if message.metadata else "",
        ]


def csv_part(rows: Iterable[list[str]], *, is_first: bool) -> bytes:
    """`rows` as a piece of a CSV file (RFC 4180, UTF-8); the first has the headings."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL)
    if is_first:
        text.write(BYTE_ORDER_MARK)
        writer.writerow(HEADINGS)
    writer.writerows([tame(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def tame(cell: str) -> str:
    """`cell` with an apostrophe in front when a spreadsheet would calculate it.

    That holds for every phone number with a +; who reads the file by program takes it off again.
    """
    return f"'{cell}" if cell.startswith(_ACTIVE) else cell


def json_part(rows: list[list[str]]) -> bytes:
    """`rows` as they wait to be written by `write_xlsx`."""
    return msgspec.json.encode(rows)


def write_xlsx(path: str, parts: Iterator[bytes]) -> None:
    """Write the rows of `parts`, which `json_part` made, to a workbook; every cell is text."""
    book: Any = xlsxwriter.Workbook(path, _XLSX_OPTIONS)
    sheet = book.add_worksheet("Messages")
    sheet.freeze_panes(1, 0)
    bold = book.add_format({"bold": True})
    for column, heading in enumerate(HEADINGS):
        sheet.set_column(column, column, _WIDTHS.get(heading, 12))
        sheet.write_string(0, column, heading, bold)
    number = 0
    for part in parts:
        for row in msgspec.json.decode(part, type=list[list[str]]):
            number += 1
            for column, cell in enumerate(row):
                if cell:
                    sheet.write_string(number, column, cell)
    book.close()


def _other_party(message: Message) -> str:
    is_inbound = message.direction == Message.Direction.INBOUND
    return message.sender if is_inbound else message.recipient


def _local(moment: datetime | None) -> str:
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}" if moment else ""
