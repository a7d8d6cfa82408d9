"""A phone with the SMSGate app, as a program that knows nothing of the gateway but its HTTP.

    python -m integrations.phones.smsgate.tests.scripted_phone --url http://127.0.0.1:8000 --code …

pairs, waits at its stream, "sends" whatever it is told to and pings. A line typed into it is a text
that comes in: `+6581230000 Hello`. With `--file` it can be started again without a code.

Whatever the gateway answers, it checks what real phones choke on: redirects, dates, lists that are
no arrays.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import http.client
import json
import random
import re
import socket
import string
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

API = "/api/mobile/v1"
TIMEOUT_SECONDS = 10.0  # the app's
_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d")
_DATE_THAT_THE_APP_READS = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(?:Z|[+-]\d\d:\d\d)", re.ASCII
)
ARRAYS = {("GET", "/message"), ("GET", "/webhooks")}
SIM = {"slotIndex": 0, "simNumber": 1, "phoneNumber": "********4321", "carrierName": "****fone"}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `json` is None without a body."""

    status: int
    headers: dict[str, str]
    json: Any


@dataclass(frozen=True)
class StreamEvent:
    """One event of the stream, and when it came (time.monotonic)."""

    name: str
    data: str
    at: float


class Stream:
    """An open `GET /events`, read on a thread of its own."""

    def __init__(self, connection: http.client.HTTPConnection, answer: Any) -> None:
        self.events: list[StreamEvent] = []
        self.comments = 0
        self.is_over = False
        self._connection, self._answer, self._socket = connection, answer, connection.sock
        self._changed = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, name: str, *, count: int = 1, seconds: float = 10.0) -> StreamEvent:
        """The `count`-th event of this name; raises TimeoutError."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._named(name)) >= count, seconds):
                raise TimeoutError(f"no {name} within {seconds:g} s: {self.events}")
            return self._named(name)[count - 1]

    def next_event(self, after: int, seconds: float) -> bool:
        """Wait until there are more than `after` events or the stream is over."""
        with self._changed:
            return self._changed.wait_for(lambda: self.is_over or len(self.events) > after, seconds)

    def wait_for_end(self, seconds: float) -> bool:
        """Whether the gateway ends it in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self.is_over, seconds)

    def close(self) -> None:
        """Leave; the thread clears up."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _named(self, name: str) -> list[StreamEvent]:
        return [event for event in self.events if event.name == name]

    def _read(self) -> None:
        name, data = "", ""
        try:
            while line := self._answer.readline():
                text = line.decode().rstrip("\n")
                if text.startswith(":"):
                    self.comments += 1
                elif text.startswith("event: "):
                    name = text.removeprefix("event: ")
                elif text.startswith("data: "):
                    data = text.removeprefix("data: ")
                elif not text and data:  # as OkHttp: an event without data does not exist
                    with self._changed:
                        self.events.append(StreamEvent(name, data, time.monotonic()))
                        self._changed.notify_all()
                    name, data = "", ""
        except (OSError, http.client.HTTPException):
            pass  # closed by either side
        self._answer.close()
        self._connection.close()
        with self._changed:
            self.is_over = True
            self._changed.notify_all()


@dataclass
class ScriptedPhone:
    """One installation of the app. `clock_ahead` is in seconds."""

    url: str
    version: str = "1.68.0"
    clock_ahead: float = 0.0
    id: str = ""
    token: str = ""
    signing_key: str = "random-8"  # the app's own until the settings came
    webhooks: dict[str, str] = field(default_factory=dict)
    ping_seconds: float = 0.0

    # --- The API ------------------------------------------------------------------------------

    def pair(self, code: str, *, name: str = "acme/phone-01") -> Answer:
        """Register by code; keeps id and token."""
        body = {"name": name, "simCards": [SIM]}
        answer = self.ask("POST", "/device", body, authorization=f"Code {code}")
        if answer.status == 201:
            self.id, self.token = answer.json["id"], answer.json["token"]
        return answer

    def start(self, **told: Any) -> Answer:
        """What the app does first at every start."""
        return self.ask("PATCH", "/device", {"id": self.id, "simCards": [SIM], **told})

    def pull(self) -> Answer:
        return self.ask("GET", "/message", query="?order=fifo")

    def report(
        self, message_id: str, state: str, *past: str, to: str = "", error: str = ""
    ) -> Answer:
        """A message's state, and what states it was in before."""
        recipient = {"phoneNumber": to, "state": state} | ({"error": error} if error else {})
        states = {name: self.now() for name in (*past, state)}
        body = [{"id": message_id, "state": state, "recipients": [recipient], "states": states}]
        return self.ask("PATCH", "/message", body)

    def fetch_settings(self) -> Answer:
        """Fetch and obey the settings."""
        answer = self.ask("GET", "/settings")
        self.signing_key = answer.json["webhooks"]["signing_key"]
        self.ping_seconds = answer.json["ping"]["interval_seconds"]
        return answer

    def fetch_webhooks(self) -> Answer:
        """Fetch where to post what."""
        answer = self.ask("GET", "/webhooks")
        self.webhooks = {hook["event"]: hook["url"] for hook in answer.json}
        return answer

    def open_stream(self) -> Stream:
        """Open one more; raises AssertionError unless it is a stream."""
        connection = self._connect()
        connection.request(
            "GET",
            urlsplit(self.url).path + API + "/events",
            headers={
                "Authorization": f"Bearer {self.token}",
                "Accept": "text/event-stream",
                "User-Agent": "okhttp/4.10.0",
            },
        )
        answer = connection.getresponse()
        kind = answer.headers["Content-Type"].partition(";")[0]
        assert (answer.status, kind) == (200, "text/event-stream"), answer.read()
        connection.sock.settimeout(60)  # a comment comes every 15 s
        return Stream(connection, answer)

    # --- What the phone posts -----------------------------------------------------------------

    def bring_text(
        self, sender: str, text: str, *, event_id: str = "", message_id: str = "", **how: Any
    ) -> Answer:
        """A text that has come in; see `post`."""
        payload = {
            "messageId": message_id or random_id(8),
            "sender": sender,
            "simNumber": 1,
            "phoneNumber": sender,
            "message": text,
            "receivedAt": self.now(fraction=False),
        }
        return self.post("sms:received", payload, event_id=event_id, **how)

    def ping(self, battery: int = 94) -> Answer:
        """The health report of the app's ping."""
        checks = {
            "battery:level": {"status": "pass", "observedValue": battery},
            "battery:charging": {"observedValue": 3},
            "connection:status": {"observedValue": 1},
            "connection:transport": {"observedValue": 4},
            "connection:cellular": {"observedValue": 4},
        }
        health = {"status": "pass", "version": self.version, "checks": checks}
        return self.post("system:ping", {"health": health})

    def post(
        self,
        event: str,
        payload: dict[str, Any],
        *,
        event_id: str = "",
        key: str | None = None,
        timestamp: str = "",
    ) -> Answer:
        """Post an event, signed with the phone's key or another one."""
        body = json.dumps(
            {
                "id": event_id or random_id(21),
                "webhookId": "any",
                "event": event,
                "deviceId": self.id,
                "payload": payload,
            }
        ).encode()
        timestamp = timestamp or str(int(time.time() + self.clock_ahead))
        signing_key = self.signing_key if key is None else key
        signed = hmac.new(signing_key.encode(), body + timestamp.encode(), hashlib.sha256)
        return self._exchange(
            "POST",
            urlsplit(self.webhooks[event]).path,
            body,
            {
                "User-Agent": f"me.capcom.smsgateway/{self.version}",
                "Content-Type": "application/json",
                "X-Timestamp": timestamp,
                "X-Signature": signed.hexdigest(),
            },
        )

    # --- HTTP ---------------------------------------------------------------------------------

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: str = "",
        authorization: str | None = None,
    ) -> Answer:
        """One request below the API; without `authorization` it carries the token."""
        headers = {"User-Agent": f"me.capcom.smsgateway/{self.version}"}
        headers["Authorization"] = authorization or f"Bearer {self.token}"
        if authorization == "":
            del headers["Authorization"]
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = None if body is None else json.dumps(body).encode()
        where = urlsplit(self.url).path + API + path + query
        answer = self._exchange(method, where, content, headers)
        if (method, path) in ARRAYS and answer.status == 200:
            assert isinstance(answer.json, list), answer
        return answer

    def now(self, *, fraction: bool = True) -> str:
        """As the app writes it, somewhere east."""
        zone = timezone(timedelta(hours=7))
        moment = datetime.fromtimestamp(time.time() + self.clock_ahead, zone)
        return moment.isoformat(timespec="milliseconds" if fraction else "seconds")

    def _exchange(
        self, method: str, where: str, content: bytes | None, headers: dict[str, str]
    ) -> Answer:
        connection = self._connect()
        try:
            connection.request(method, where, content, headers)
            response = connection.getresponse()
            body = response.read()
        finally:
            connection.close()
        assert response.status // 100 != 3, f"{method} {where} redirects"
        if body:
            assert response.headers["Content-Type"] == "application/json", (where, body[:200])
        answer = Answer(
            response.status,
            {name.lower(): value for name, value in response.getheaders()},
            json.loads(body) if body else None,
        )
        for text in _strings(answer.json):
            is_date = _DATE.match(text) is not None
            assert not is_date or _DATE_THAT_THE_APP_READS.fullmatch(text), (where, text)
        return answer

    def _connect(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        secure = parts.scheme == "https"
        kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
        return kind(parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS)


def random_id(length: int) -> str:
    """Letters and digits."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=length))


def _strings(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return [value] if isinstance(value, str) else []


# --- For people -------------------------------------------------------------------------------


def main(arguments: list[str]) -> int:
    """Be a phone until the gateway refuses it, or until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="scripted_phone", description="A phone with SMSGate.")
    parser.add_argument("--url", required=True, help="the gateway, without the API's path")
    parser.add_argument("--code", help="eight digits from the dashboard")
    parser.add_argument("--file", type=Path, help="where id and token are kept")
    parser.add_argument("--version", default="1.68.0", help="of the app that it plays")
    options = parser.parse_args(arguments)
    phone = ScriptedPhone(options.url.rstrip("/"), options.version)
    if options.file and options.file.exists():
        phone.id, phone.token = json.loads(options.file.read_text())
    elif not options.code:
        parser.error("give --code, or the --file of an earlier start")
    else:
        answer = phone.pair(options.code.replace(" ", ""))
        if answer.status != 201:
            say(f"Failed to register device: {answer.json['message']}")
            return 1
        say(f"paired as {answer.json['login']}")
        if options.file:
            options.file.write_text(json.dumps([phone.id, phone.token]))
    live(phone)
    return 0


def live(phone: ScriptedPhone) -> None:
    """Start, wait at the stream, send, ping."""
    answer = phone.start()
    if answer.status != 204:
        say(f"refused: {answer.status} {answer.json}")
        return
    stream = phone.open_stream()
    phone.fetch_settings()
    phone.fetch_webhooks()
    say("live")
    threading.Thread(target=_read_lines, args=(phone,), daemon=True).start()
    seen, next_ping = 0, 0.0
    send_everything(phone)
    while not stream.is_over:
        if time.monotonic() >= next_ping:
            phone.ping()
            next_ping = time.monotonic() + phone.ping_seconds
        stream.next_event(seen, max(0.0, next_ping - time.monotonic()))
        for event in stream.events[seen:]:
            seen += 1
            if event.name == "SettingsUpdated":
                phone.fetch_settings()
            elif event.name == "WebhooksUpdated":
                phone.fetch_webhooks()
            else:
                send_everything(phone)
    say("the gateway has closed the stream")


def send_everything(phone: ScriptedPhone) -> None:
    """Fetch and "send" until nothing is left."""
    while messages := phone.pull().json:
        for message in messages:
            told, to = message["id"], message["phoneNumbers"][0]
            if message["state"] == "Cancelling":
                phone.report(told, "Cancelled", to=to)
                continue
            say(f"to {to}: {message['textMessage']['text']}")
            phone.report(told, "Processed", "Pending", to=to)
            phone.report(told, "Sent", "Pending", "Processed", to=to)
            phone.report(told, "Delivered", "Pending", "Processed", "Sent", to=to)


def _read_lines(phone: ScriptedPhone) -> None:
    for line in sys.stdin:
        sender, _, text = line.strip().partition(" ")
        if sender:
            say(f"text in: {phone.bring_text(sender, text).status}")


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
