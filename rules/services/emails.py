"""E-mails of rules. They cannot be taken back, so each is tried in the open: at most once.

`started` is committed before the mail server is asked, and whatever leaves open whether the server
has the e-mail ends as `unknown`. Only what the server surely does not have is tried again.
"""

from __future__ import annotations

import smtplib
import time
from contextlib import suppress
from email.utils import parseaddr

import structlog
from django.conf import settings
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.errors import RateLimited
from accounts.services.limits import Limit, spend
from rules.models import RuleAction
from rules.services.claims import Kind, Outcome, Status, claim, settle

log = structlog.get_logger(__name__)

SWEEP_SECONDS = 30.0
AT_ONCE = 1000
_EMAILS_OF_TENANT = Limit("rule-emails", 100, 3600)

_TOO_MANY = "The account's rules have sent 100 e-mails in an hour, which is the most they may."
_UNWRITABLE = "This cannot be written as an e-mail; check the rule's address and subject."
_CUT_OFF = "The mail server fell silent while it took the e-mail, and may or may not have sent it."
_STOPPED = "The gateway stopped while it sent the e-mail, which may or may not have gone out."

# Answers by which the server says that it has not taken the e-mail.
_REFUSALS = (
    smtplib.SMTPResponseException,
    smtplib.SMTPRecipientsRefused,
    smtplib.SMTPNotSupportedError,
)


def waiting_of(*, run_id: int) -> list[int]:
    """The e-mails of a run that wait to be sent."""
    return list(_due().filter(run_id=run_id).values_list("pk", flat=True))


def send_email(*, action_id: int) -> bool:
    """Send one e-mail if it is due; False when it is not, or is in someone else's hand."""
    action = claim(action_id)
    if action is None:
        return False
    try:
        if action.attempts == 1:  # an e-mail counts once, however often the server refuses it
            spend(_EMAILS_OF_TENANT, str(action.run.tenant_id))
    except RateLimited as error:
        outcome = Outcome(Status.SKIPPED, error_code=error.code, error=_TOO_MANY)
    else:
        outcome = _send(action)
    return settle(action, outcome)


def send_due() -> int:
    """Send the e-mails that are due for half a minute, one by one; how many were tried."""
    deadline = time.monotonic() + SWEEP_SECONDS
    tried = 0
    for action_id in _due().order_by("next_attempt_at").values_list("pk", flat=True)[:AT_ONCE]:
        if time.monotonic() > deadline:
            break
        tried += send_email(action_id=action_id)
    return tried


@transaction.atomic
def mark_unknown() -> int:
    """E-mails whose sender died: nobody can tell, and we say so."""
    lost = (
        RuleAction.objects.select_related("run__tenant")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .filter(status=Status.STARTED, next_attempt_at__lte=timezone.now())
    )
    outcome = Outcome(Status.UNKNOWN, error_code="unknown", error=_STOPPED)
    return sum(settle(action, outcome) for action in lost[:AT_ONCE])


def _due() -> QuerySet[RuleAction]:
    return RuleAction.objects.filter(
        kind=Kind.EMAIL, status=Status.PENDING, next_attempt_at__lte=timezone.now()
    )


def _send(action: RuleAction) -> Outcome:
    try:
        email = _email_of(action)
        validate_email(action.payload["to"])
        email.message()  # refuses what cannot be a header
    except Exception as error:
        log.warning("a rule's e-mail cannot be written", action=action.pk, error=repr(error))
        return Outcome(Status.FAILED, error_code="invalid_email", error=_UNWRITABLE)
    return _hand_over(email)


def _email_of(action: RuleAction) -> EmailMessage:
    """RFC 3834 asks for Auto-Submitted. One id for all tries, so that mailboxes know a repeat."""
    domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")[2]
    return EmailMessage(
        subject=" ".join(action.payload["subject"].split()),  # a text may have lines
        body=action.payload["body"],
        to=[action.payload["to"]],
        headers={
            "Auto-Submitted": "auto-generated",
            "Message-ID": f"<{action.run.external_id}.email@{domain}>",
        },
    )


def _hand_over(email: EmailMessage) -> Outcome:
    server = get_connection()
    try:
        try:
            server.open()
        except Exception as error:  # whatever it is, no e-mail was offered yet
            return _try_later(error)
        try:
            server.send_messages([email])
        except _REFUSALS as error:
            return _try_later(error)
        except Exception as error:  # perhaps the server has it and could not say so
            log.warning("a rule's e-mail may be lost", error=repr(error))
            return Outcome(Status.UNKNOWN, error_code="unknown", error=_CUT_OFF)
        return Outcome(Status.DONE)
    finally:
        with suppress(Exception):  # how the server says goodbye changes nothing
            server.close()


def _try_later(error: Exception) -> Outcome:
    sentence = f"The mail server did not take it: {_words(error)}"
    return Outcome(Status.PENDING, error_code="mail_server", error=sentence)


def _words(error: Exception) -> str:
    """What the server answered, or what went wrong on the way to it, as one printable line."""
    answer: object = error.strerror or error if isinstance(error, OSError) else error
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
        answer = f"{code} {_decoded(text)}"
    elif isinstance(error, smtplib.SMTPResponseException):
        answer = f"{error.smtp_code} {_decoded(error.smtp_error)}"
    line = " ".join(str(answer).split())
    return "".join(character for character in line if character.isprintable())


def _decoded(answer: bytes | str) -> str:
    return answer.decode(errors="replace") if isinstance(answer, bytes) else answer
