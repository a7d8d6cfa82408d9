"""Contacts from a CSV file: read and shown first, then stored all at once.

The first line names the columns: `number` (or `phone`), `name` if there is one, and whatever else
there is becomes a field of the contact. Comma, semicolon or tab between them; UTF-8.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from io import TextIOWrapper
from typing import IO, NamedTuple, Protocol

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts.errors import InvalidInput, NotFound
from accounts.models import Tenant, User
from accounts.services.audit import record_audit
from devices.numbers import InvalidNumber, parse_number
from messaging.models import Contact, ContactImport, Group
from messaging.services.directory import FIELD_NAME, MAX_FIELD, MAX_FIELDS, MAX_NAME

MAX_ROWS = 10_000
MAX_BYTES = 5_000_000
BATCH = 1000  # rows in one INSERT
KEPT = timedelta(days=1)
NUMBER_COLUMNS = ("number", "phone", "phone number", "phone_number", "mobile", "telephone")
NAME_COLUMNS = ("name", "full name", "full_name", "contact")


class _Reader(Protocol):
    """What csv.reader makes."""

    line_num: int

    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


class Row(NamedTuple):
    """A contact as a file has it, with the number in its stored form."""

    number: str
    name: str
    fields: dict[str, str]


@dataclass
class Reading:
    """What a file holds: `rows` that can be stored, and (line, reason) of those that cannot."""

    rows: list[Row] = field(default_factory=list)
    refused: list[tuple[int, str]] = field(default_factory=list)


class Imported(NamedTuple):
    """How many contacts an import made, changed, and left as they were."""

    created: int
    updated: int
    kept: int


def prepare_import(
    *, tenant: Tenant, actor: User, file: IO[bytes], file_name: str
) -> ContactImport:
    """Read a CSV file and keep what it holds for `apply_import`; nothing else is changed.

    Whatever the same person read before and left is forgotten, and what anybody in the team left
    for a day. Raises InvalidInput for a file that
    is no such file; a bad row only goes to `refused`.
    """
    reading = read_contacts(file, country=tenant.default_country)
    with transaction.atomic():
        left = Q(created_by=actor) | Q(created_at__lt=timezone.now() - KEPT)
        ContactImport.objects.filter(left, tenant=tenant).delete()
        return ContactImport.objects.create(
            tenant=tenant,
            created_by=actor,
            file_name=file_name[-200:],
            rows=reading.rows,
            refused=reading.refused,
        )


@transaction.atomic
def apply_import(
    *, pending: ContactImport, actor: User, updates: bool, group: Group | None
) -> Imported:
    """Store all rows of an import, or none; then the import is gone.

    `updates` = contacts that are there already get the file's name, if it has one, and its fields
    beside their own. All rows become members of `group`. Raises NotFound when the import or the
    group is gone, InvalidInput when a contact would have too many fields.
    """
    pending = _claimed(pending)
    if group is not None and not Group.objects.select_for_update().filter(pk=group.pk).exists():
        raise NotFound
    rows = {row.number: row for row in (Row(*stored) for stored in pending.rows)}
    known = _held_contacts(pending.tenant_id, rows)
    changed = [_merged(known[number], rows[number]) for number in known] if updates else []
    Contact.objects.bulk_update(changed, ["name", "fields"], batch_size=BATCH)
    new = [
        Contact(tenant_id=pending.tenant_id, number=row.number, name=row.name, fields=row.fields)
        for row in rows.values()
        if row.number not in known
    ]
    # A first text that comes in meanwhile makes a contact too: then it gets the file's name.
    Contact.objects.bulk_create(
        new,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["tenant", "number"],
        update_fields=["name", "fields"],
    )
    if group is not None:
        _put_into(group, [*known.values(), *new])
    done = Imported(len(new), len(changed), len(known) - len(changed))
    record_audit(
        tenant=pending.tenant,
        actor=actor,
        action="contacts.imported",
        target=pending.file_name[-100:],
        **done._asdict(),
    )
    pending.delete()
    return done


def known_numbers(pending: ContactImport) -> int:
    """How many rows of an import are about contacts that exist."""
    numbers = [row[0] for row in pending.rows]
    return Contact.objects.filter(tenant=pending.tenant_id, number__in=numbers).count()


def read_contacts(file: IO[bytes], *, country: str) -> Reading:
    """Read a file line by line; numbers without + are of `country`. Raises InvalidInput."""
    try:
        with_text = TextIOWrapper(file, encoding="utf-8-sig", newline="")
        return _read(csv.reader(with_text, dialect=_dialect(with_text)), country)
    except UnicodeDecodeError as error:
        raise _bad_file("This is no UTF-8 text. Save it as “CSV UTF-8” and try again.") from error
    except csv.Error as error:
        raise _bad_file(f"This is no CSV file: {error}.") from error


def _dialect(file: IO[str]) -> type[csv.Dialect]:
    """What separates the columns, by the first line."""
    first = file.readline(10_000)
    file.seek(0)

    class Found(csv.excel):
        delimiter = max(",;\t", key=first.count)
        strict = True

    return Found


def _read(lines: _Reader, country: str) -> Reading:
    columns = _columns(next(lines, []))
    reading = Reading()
    first_line: dict[str, int] = {}
    count = 0
    for line, cells in _numbered(lines):
        count += 1
        if count > MAX_ROWS:
            raise _bad_file(f"A file may have at most {MAX_ROWS:,} contacts. Split it.")
        row = _row(columns, cells, country)
        if isinstance(row, str):
            reading.refused.append((line, row))
        elif row.number in first_line:
            reason = f"{row.number} is in line {first_line[row.number]} already."
            reading.refused.append((line, reason))
        else:
            first_line[row.number] = line
            reading.rows.append(row)
    if not count:
        raise _bad_file("There are no contacts below the first line.")
    return reading


def _numbered(lines: _Reader) -> Iterator[tuple[int, list[str]]]:
    """(the line where a row starts, its cells), but for empty ones."""
    line = lines.line_num + 1
    for cells in lines:
        if any(cell.strip() for cell in cells):
            yield line, cells
        line = lines.line_num + 1


def _columns(titles: Sequence[str]) -> list[str]:
    """What each column is: `number`, `name`, a field as `.field_name`, or empty: left out."""
    plain = [title.strip() for title in titles]
    number = _first(plain, NUMBER_COLUMNS)
    if number is None:
        raise _bad_file("The first line must name the columns, and one of them “number”.")
    name = _first(plain, NAME_COLUMNS)
    columns = []
    for title in plain:
        field_name = re.sub("[^A-Za-z0-9]+", "_", title).strip("_")[:40]
        columns.append(f".{field_name}" if re.fullmatch(FIELD_NAME, field_name) else "")
    columns[number] = "number"
    if name is not None:
        columns[name] = "name"
    unnamed = [title for title, column in zip(plain, columns, strict=True) if title and not column]
    if unnamed:
        raise _bad_file(f"The column “{unnamed[0][:40]}” needs a name that begins with a letter.")
    used = [column for column in columns if column]
    if len(set(used)) < len(used):
        raise _bad_file("Two columns have the same name.")
    if sum(column.startswith(".") for column in used) > MAX_FIELDS:
        raise _bad_file(f"A contact has at most {MAX_FIELDS} fields beside name and number.")
    return columns


def _first(titles: Sequence[str], names: Iterable[str]) -> int | None:
    """The place of the first of `names` among the titles, in any case."""
    lowered = [title.lower() for title in titles]
    return next((lowered.index(name) for name in names if name in lowered), None)


def _row(columns: Sequence[str], cells: Sequence[str], country: str) -> Row | str:
    """The contact in a line, or why it cannot be stored."""
    if len(cells) > len(columns):
        return f"It has {len(cells)} cells, but the first line names {len(columns)}."
    values = {column: cell.strip() for column, cell in zip(columns, cells, strict=False) if column}
    fields = {name[1:]: text for name, text in values.items() if name[0] == "." and text}
    name = values.get("name", "")
    if any("\x00" in cell for cell in cells):
        return "It holds a null character."
    if len(name) > MAX_NAME:
        return f"The name has more than {MAX_NAME} characters."
    too_long = next((key for key, text in fields.items() if len(text) > MAX_FIELD), None)
    if too_long is not None:
        return f"{too_long} has more than {MAX_FIELD} characters."
    try:
        return Row(parse_number(values.get("number", ""), country), name, fields)
    except InvalidNumber as error:
        return str(error)


def _claimed(pending: ContactImport) -> ContactImport:
    """The import, held; NotFound when somebody has done it meanwhile."""
    rows = ContactImport.objects.select_for_update(of=("self",)).select_related("tenant")
    found = rows.filter(pk=pending.pk).first()
    if found is None:
        raise NotFound
    return found


def _held_contacts(tenant_id: int, numbers: Iterable[str]) -> dict[str, Contact]:
    """Number -> the contact that has it, held in the order of their keys."""
    contacts = Contact.objects.filter(tenant_id=tenant_id, number__in=list(numbers))
    return {contact.number: contact for contact in contacts.select_for_update().order_by("pk")}


def _merged(contact: Contact, row: Row) -> Contact:
    contact.name = row.name or contact.name
    contact.fields = {**contact.fields, **row.fields}
    if len(contact.fields) > MAX_FIELDS:
        text = f"{contact.number} would have more than {MAX_FIELDS} fields. Nothing was imported."
        raise InvalidInput(text)
    return contact


def _put_into(group: Group, contacts: Iterable[Contact]) -> None:
    through = Group.contacts.through
    through.objects.bulk_create(
        [through(group_id=group.pk, contact_id=contact.pk) for contact in contacts],
        batch_size=BATCH,
        ignore_conflicts=True,
    )


def _bad_file(sentence: str) -> InvalidInput:
    return InvalidInput.at("file", "invalid_file", sentence)
