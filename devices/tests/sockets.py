"""A phone's end of the socket, for tests of the gateway's end."""

import json
from typing import Any

from asgiref.testing import ApplicationCommunicator

from devices.consumers import CLOSE_CODES
from gateway_site.asgi import application

HELLO = {"type": "hello", "id": "hello-1", "protocol": 1}
SECONDS = 10  # how long an answer may take before the test fails


class PhoneSocket:
    """One connection, made with `token`; without one the header is left out."""

    def __init__(self, token: str = "", *, path: str = "/ws/device", scheme: str = "Bearer"):
        headers = [(b"authorization", f"{scheme} {token}".encode())] if token else []
        route, _, query = path.partition("?")
        scope = {
            "type": "websocket",
            "path": route,
            "query_string": query.encode(),
            "headers": headers,
            "subprotocols": [],
        }
        self._gateway = ApplicationCommunicator(application, scope)
        self._has_left = False

    async def open(self) -> "PhoneSocket":
        """Connect; the gateway always accepts, and then says what it does not like."""
        await self._gateway.send_input({"type": "websocket.connect"})
        assert (await self._gateway.receive_output(SECONDS))["type"] == "websocket.accept"
        return self

    async def ready(self, **told: Any) -> "PhoneSocket":
        """Connect and introduce itself."""
        await self.open()
        welcome = await self.ask(HELLO | told)
        assert welcome["type"] == "welcome"
        return self

    async def ask(self, frame: dict[str, Any] | str | bytes) -> dict[str, Any]:
        """Send one frame and read one."""
        await self.tell(frame)
        return await self.hear()

    async def tell(self, frame: dict[str, Any] | str | bytes) -> None:
        """Send one frame: JSON, text as it is, or bytes."""
        content = frame if isinstance(frame, str | bytes) else json.dumps(frame)
        kind = "bytes" if isinstance(content, bytes) else "text"
        await self._gateway.send_input({"type": "websocket.receive", kind: content})

    async def hear(self) -> dict[str, Any]:
        """The next frame."""
        message = await self._gateway.receive_output(SECONDS)
        assert message["type"] == "websocket.send"
        return json.loads(message["text"])

    async def closed(self) -> tuple[int, str]:
        """Wait until the gateway closes; (code, reason)."""
        message = await self._gateway.receive_output(SECONDS)
        assert message["type"] == "websocket.close"
        return message["code"], message["reason"]

    async def refused(self) -> str:
        """Wait until the gateway closes with an error; the error's code."""
        code, reason = await self.closed()
        assert code == CLOSE_CODES[reason]
        return reason

    async def is_silent(self) -> bool:
        """Whether nothing comes for a moment."""
        return await self._gateway.receive_nothing(timeout=0.2)

    async def leave(self) -> None:
        """Disconnect, as a phone that goes out of reach."""
        if not self._has_left:
            self._has_left = True
            await self._gateway.send_input({"type": "websocket.disconnect", "code": 1006})
            await self._gateway.wait(SECONDS)
