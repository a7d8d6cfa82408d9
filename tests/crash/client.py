"""A client of the API that does not give up: it repeats until it is answered 202."""

import http.client
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.crash.gateway import HOST
from tests.crash.oracle import Row

PATIENCE_SECONDS = 60.0
IDLE_SECONDS = 2.0  # uvicorn closes a connection after 5 s without a request


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; the headers' names are in lower case."""

    status: int
    headers: Mapping[str, str]
    json: Any


@dataclass
class Client:
    """One keep-alive connection. `lost` counts requests without an answer.

    `refusals` are the answers other than 202 to what was sent.
    """

    port: int
    api_key: str
    lost: int = 0
    refusals: list[Answer] = field(default_factory=list)
    _connection: http.client.HTTPConnection | None = None
    _used_at: float = 0.0

    def send(self, to: str, text: str, key: str | None = None, **more: Any) -> Answer:
        """POST a message again and again until the answer is 202, and return that.

        It may wait for a phone that is away; with `key`, the repeats are the same request. `more`
        are other fields of the message.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self.try_to_send(to, text, key, **more)
            if answer is not None and answer.status == 202:
                return answer
            if time.monotonic() > deadline:
                raise AssertionError(f"No 202 for {text!r} in {PATIENCE_SECONDS:g} s: {answer}")
            time.sleep(0.05)

    def try_to_send(self, to: str, text: str, key: str | None = None, **more: Any) -> Answer | None:
        """POST a message once; None when there was no answer."""
        body = {"to": to, "text": text, "queueIfOffline": True, **more}
        headers = {"Idempotency-Key": key} if key else {}
        try:
            answer = self.ask("POST", "/v1/messages", body, headers)
        except (OSError, http.client.HTTPException):
            self.lost += 1
            return None
        if answer.status != 202:
            self.refusals.append(answer)
        return answer

    def rows(self) -> dict[str, Row]:
        """All messages of the tenant as the API shows them, by id."""
        return {message["id"]: self._row(message) for message in self.listed()}

    def listed(self, **query: str) -> Iterator[Mapping[str, Any]]:
        """Outbound messages of the list, page after page."""
        cursor: str | None = ""
        while cursor is not None:
            parameters = {"limit": "200", "direction": "outbound", **query}
            parameters |= {"cursor": cursor} if cursor else {}
            pairs = "&".join(f"{name}={value}" for name, value in parameters.items())
            answer = self.get(f"/v1/messages?{pairs}")
            yield from answer.json["data"]
            cursor = answer.json["nextCursor"]

    def get(self, path: str) -> Answer:
        """GET something that is there, again and again until it comes."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = self.ask("GET", path)
                if answer.status == 200 or time.monotonic() > deadline:
                    assert answer.status == 200, answer
                    return answer
            except (OSError, http.client.HTTPException):
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.05)

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on the connection; OSError or HTTPException when it breaks."""
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self.close()
        connection = self._connection or http.client.HTTPConnection(HOST, self.port, timeout=30)
        self._connection = None
        try:
            connection.request(
                method,
                path,
                json.dumps(body) if body is not None else None,
                {
                    "Authorization": f"Bearer {self.api_key}",
                    "Content-Type": "application/json",
                    **(headers or {}),
                },
            )
            response = connection.getresponse()
            content = response.read()
        except BaseException:
            connection.close()
            raise
        self._connection, self._used_at = connection, time.monotonic()
        named = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, named, json.loads(content))

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _row(self, listed: Mapping[str, Any]) -> Row:
        """The list does not say why a message failed."""
        code = None
        if listed["status"] == "failed":
            code = self.get(f"/v1/messages/{listed['id']}").json["errorCode"]
        return Row(listed["to"], listed["text"], listed["status"], code)
