"""Where a worker dies over a rule's action."""

import os
import signal
import time
from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from messaging.drafts import CheckedDraft
from tests.crash.faults import FOLDER, die_if_asked

MAILED = FOLDER / "mailed"
ANSWER_SECONDS = 0.05
POISON = "poison 0"


def die_of_poison(*, tenant: object, drafts: Sequence[CheckedDraft]) -> list[None]:
    """A policy that no process survives when it sees a certain text."""
    if any(item.draft.text == POISON for item in drafts):
        os.kill(os.getpid(), signal.SIGKILL)
    return [None] * len(drafts)


class MortalMail(BaseEmailBackend):
    """A mail server that notes what it takes, a subject a line; its client may die around that.

    The client is this process, so what is noted survives it.
    """

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        die_if_asked("before_mail")
        time.sleep(ANSWER_SECONDS)
        with MAILED.open("a") as file:
            file.write("".join(f"{email.subject}\n" for email in email_messages))
        time.sleep(ANSWER_SECONDS)
        die_if_asked("after_mail")
        return len(email_messages)
