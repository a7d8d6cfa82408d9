"""Gammu's dummy device: what lies in its folders, and what a network would put there.

sms/1 is the inbox and sms/2 what was sent, one file in gammu's backup format for each part.
"""

from datetime import datetime
from pathlib import Path
from typing import Any


def inbox_of(home: Path) -> Path:
    return home / "dummy" / "sms" / "1"


def inbox_names(home: Path) -> list[str]:
    """The names of what lies in the inbox."""
    return sorted(path.name for path in inbox_of(home).iterdir())


def sent_folder(home: Path) -> list[dict[str, Any]]:
    """The copies of what was sent, oldest first, as gammu reads them."""
    import gammu  # noqa: PLC0415 - an extra; the tests that need it are skipped without it

    folder = home / "dummy" / "sms" / "2"
    parts = [gammu.ReadSMSBackup(str(p)) for p in sorted(folder.iterdir(), key=_number)]
    return [message for backup in parts for message in backup]


def drop_text(home: Path, sender: str, text: str, moment: datetime) -> None:
    """A text comes in, in as many parts as it takes."""
    import gammu  # noqa: PLC0415 - as above

    entry = {"ID": "ConcatenatedTextLong", "Buffer": text}
    info = {"Class": -1, "Unicode": not text.isascii(), "Entries": [entry]}
    for part in gammu.EncodeSMS(info):
        part |= {"Number": sender, "Type": "Deliver", "State": "UnRead", "DateTime": moment}
        gammu.SaveSMSBackup(str(_free(home)), [part])


def drop_report(home: Path, number: str, status: int) -> None:
    """The network reports on a part; the dummy device gives each the reference 255."""
    _free(home).write_text(
        "[SMSBackup000]\nPDU = Status_Report\nMessageReference = 255\n"
        f'Number = "{number}"\nDeliveryStatus = {status}\nState = UnRead\n'
        "DateTime = 20261121T100000Z\nCoding = Default_No_Compression\nText = \n"
    )


def _free(home: Path) -> Path:
    taken = {path.name for path in inbox_of(home).iterdir()}
    return next(inbox_of(home) / str(n) for n in range(1, 100) if str(n) not in taken)


def _number(path: Path) -> int:
    return int(path.name)
