"""A phone that shows signs of life and accepts nothing, so that its leases run out."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from websockets.sync.client import ClientConnection, connect

from tests.crash.account import Account
from tests.crash.gateway import HOST
from tests.crash.waiting import until

BEAT_SECONDS = 0.5


class MutePhone:
    """One socket; `offers` are the attempt ids that came, oldest first."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.offers: list[str] = []
        self._say({"type": "hello", "protocol": 1, "app": {"name": "mute", "version": "1"}})

    def wait_for_offer(self, number: int) -> str:
        """The offer of that number, counted from 1."""
        until(lambda: len(self.offers) >= number or self._listen(), f"offer {number}", every=0)
        return self.offers[number - 1]

    def _listen(self) -> bool:
        """Take what comes for a moment; False, for there may be more."""
        try:
            frame = json.loads(self._socket.recv(timeout=BEAT_SECONDS))
        except TimeoutError:
            self._say({"type": "heartbeat"})
            return False
        if frame["type"] == "message.send":
            self.offers.append(frame["attempt_id"])
        return False

    def _say(self, frame: dict[str, object]) -> None:
        self._socket.send(json.dumps({"id": str(uuid.uuid4()), **frame}))


@contextmanager
def mute_phone(account: Account, port: int) -> Iterator[MutePhone]:
    """The account's phone, connected."""
    headers = {"Authorization": f"Bearer {account.device_token}"}
    with connect(f"ws://{HOST}:{port}/ws/device", additional_headers=headers) as socket:
        yield MutePhone(socket)
