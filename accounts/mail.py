"""E-mails: a text, and the same as simple HTML."""

from __future__ import annotations

from typing import Any

from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string

# The texts have links that open doors: without a mail server they are in a file, not on the screen.
PRIVATE = {"Sensitivity": "Private"}


def send_email(*, to: str, subject: str, template: str, context: dict[str, Any]) -> None:
    """Send `emails/<template>.txt` to one address.

    Raises OSError (of which smtplib's errors are) when the mail server does not take it.
    """
    text = render_to_string(f"emails/{template}.txt", context).strip() + "\n"
    message = EmailMultiAlternatives(subject, text, None, [to], headers=PRIVATE)
    message.attach_alternative(as_html(subject, text), "text/html")
    message.send()


def as_html(subject: str, text: str) -> str:
    """`text` as a page: blank lines part its paragraphs, and one that is a URL becomes a link."""
    paragraphs = [
        {"text": paragraph.strip(), "is_link": _is_link(paragraph.strip())}
        for paragraph in text.replace("\r\n", "\n").split("\n\n")
        if paragraph.strip()
    ]
    return render_to_string("emails/base.html", {"subject": subject, "paragraphs": paragraphs})


def _is_link(paragraph: str) -> bool:
    return paragraph.startswith(("http://", "https://")) and len(paragraph.split()) == 1
