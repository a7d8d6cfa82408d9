"""E-mails while no mail server is named: files for the operator, shown on standard error."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from functools import partial
from typing import Any

from django.core.mail import EmailMessage
from django.core.mail.backends.filebased import EmailBackend
from django.utils import timezone

from accounts.ids import new_id

_RULE = "-" * 79


class FilesAndConsole(EmailBackend):
    """Keeps each e-mail as a file that only its owner reads, and shows it to whoever watches.

    An e-mail with the header `Sensitivity: Private` (RFC 4021, 2.1.55) is shown without its body.
    """

    def open(self) -> bool:
        if self.stream is not None:
            return False
        for_owner = partial(os.open, mode=0o600)
        self.stream = open(self._get_filename(), "ab", opener=for_owner)  # noqa: SIM115 - see close
        return True

    def write_message(self, message: EmailMessage) -> None:
        super().write_message(message)
        with suppress(OSError, ValueError):  # nobody watches
            sys.stderr.write(shown(message, where=self._get_filename()))
            sys.stderr.flush()

    def _get_filename(self) -> str:
        """Django's names repeat in processes that were forked from one another."""
        if self._fname is None:
            name = f"{timezone.now():%Y%m%d-%H%M%S}-{new_id()}.log"
            self._fname: str | None = os.path.join(self.file_path, name)
        return self._fname


def shown(message: EmailMessage, *, where: str) -> str:
    """`message` for a terminal; `where` is the file that has it as it is."""
    header: dict[str, Any] = {
        "From": message.from_email,
        "To": ", ".join(message.to),
        "Subject": message.subject,
        "File": where,
    }
    is_private = message.extra_headers.get("Sensitivity", "").lower() == "private"
    body = "(private: the text is in the file)" if is_private else message.body
    lines = [_RULE, *(f"{name}: {value}" for name, value in header.items()), "", str(body), _RULE]
    return without_controls("\n".join(lines)) + "\n"


def without_controls(text: str) -> str:
    """A text from outside must not steer the terminal that shows it."""
    return "".join(
        character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
        for character in text
    )
