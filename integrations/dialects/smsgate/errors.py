"""Errors as this API tells them: `{"message": "…"}`, under the statuses of the core."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from django.http import HttpRequest, HttpResponse

from accounts.errors import GatewayError

# A core error whose own sentence would mislead this API's users -> theirs.
SENTENCES = {
    "unauthorized": "Use one of your API keys as the password (Basic) or the token (Bearer)."
}
# Where the core says that something is wrong -> where their field is.
FIELDS = {
    "to": "phoneNumbers",
    "text": "textMessage.text",
    "sendAt": "scheduleAt",
    "expiresAt": "validUntil",
    "sim": "simNumber",
}


class NotOffered(GatewayError):
    """A path of theirs that has nothing behind it here."""

    code: ClassVar[str] = "not_implemented"
    status: ClassVar[int] = 501


def error_response(error: GatewayError, request: HttpRequest) -> HttpResponse:
    """`error` as an HTTP answer."""
    body = msgspec.json.encode({"message": sentence_of(error)})
    # Some clients send their login only when it is asked for in this way.
    challenge = {"WWW-Authenticate": 'Basic realm="SMSGate API"'} if error.status == 401 else {}
    return HttpResponse(
        body,
        status=error.status,
        content_type="application/json",
        headers=error.headers | challenge,
    )


def sentence_of(error: GatewayError) -> str:
    """What is wrong, field by field if there are any."""
    issues = [
        f"{FIELDS.get(issue.path, issue.path)}: {_in_their_words(issue.message)}".lstrip(": ")
        for issue in error.issues
    ]
    return " ".join(issues) or SENTENCES.get(error.code, error.message)


def _in_their_words(sentence: str) -> str:
    for name in ("sendAt", "expiresAt"):
        sentence = sentence.replace(name, FIELDS[name])
    return sentence
