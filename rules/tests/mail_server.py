"""A mail server on the loopback interface that answers as a test wants it."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email import message_from_bytes, policy
from email.message import EmailMessage

WELCOME = "220 ready"
GOOD = {"EHLO": "250 ready", "DATA": "354 go on", ".": "250 taken", "QUIT": "221 bye"}
HANG_UP, SAY_NOTHING = "hang up", "say nothing"


class MailServer:
    """Answers each command as in `answers` (`.` = the end of an e-mail), and 250 if not there.

    `received` are the e-mails that came in whole, whatever was answered then.
    """

    def __init__(self, welcome: str, answers: dict[str, str]) -> None:
        self.received: list[EmailMessage] = []
        self._welcome, self._answers = welcome, GOOD | answers
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(timeout=10)

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                client.settimeout(10)
                with client, client.makefile("rwb", buffering=0) as stream, suppress(OSError):
                    self._talk(stream)

    def _talk(self, stream) -> None:
        if not self._say(stream, self._welcome):
            return
        while line := stream.readline():
            verb = line.split()[0].decode().upper()
            if not self._say(stream, self._answers.get(verb, "250 fine")):
                return
            if verb == "DATA" and self._answers[verb].startswith("354"):
                self._take(stream)
                if not self._say(stream, self._answers["."]):
                    return

    def _take(self, stream) -> None:
        content = b""
        while (line := stream.readline()) not in (b".\r\n", b""):
            content += line
        self.received.append(message_from_bytes(content, policy=policy.default))

    def _say(self, stream, answer: str) -> bool:
        """False when the conversation is over."""
        if answer == SAY_NOTHING:
            stream.read(1)  # until the client has lost its patience
        if answer in (SAY_NOTHING, HANG_UP):
            return False
        stream.write(f"{answer}\r\n".encode())
        return True


@contextmanager
def mail_server(settings, *, welcome: str = WELCOME, **answers: str) -> Iterator[MailServer]:
    """A server that the settings name. In `answers`, `end` is for the end of an e-mail."""
    if "end" in answers:
        answers["."] = answers.pop("end")
    server = MailServer(welcome, answers)
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.EMAIL_TIMEOUT = 0.5
    try:
        yield server
    finally:
        server.stop()
