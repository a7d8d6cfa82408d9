"""E-mails that the gateway keeps as files while no mail server is named, for the console."""

import email
import email.policy
import time
from email.message import EmailMessage
from pathlib import Path

from gateway_site.mail import without_controls

_SETTLED_SECONDS = 0.5  # a younger file may still be written to


class MailFolder:
    """Notices e-mails that are put into `folder` from now on (see gateway_site/mail.py)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._told = set(folder.glob("*.log"))

    def news(self) -> list[str]:
        """Each new e-mail as a paragraph: to whom, what about, its text (if not private), file."""
        settled_before = time.time() - _SETTLED_SECONDS
        fresh = sorted(
            file
            for file in set(self._folder.glob("*.log")) - self._told
            if file.stat().st_mtime < settled_before
        )
        self._told.update(fresh)
        return [_told(file) for file in fresh]


def _told(file: Path) -> str:
    message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - the policy's type
    body = message.get_body(("plain",))
    is_private = str(message["Sensitivity"] or "").lower() == "private"
    text = (
        "(private: the text is in the file)"
        if is_private or body is None
        else str(body.get_content())
    )
    lines = [f"E-mail to {message['To']}: {message['Subject']}", *text.strip().splitlines()]
    shown = "\n  ".join(without_controls(line) for line in [*lines, str(file)])
    return f"\n{shown}\n"
