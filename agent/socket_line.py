"""The line that is there by default: one WebSocket."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from agent import __version__
from agent.identity import Identity
from agent.line import Closed, NoLine

CLOSE_REASONS = {4401: "invalid_token", 4403: "tenant_inactive", 4409: "too_many_sockets"}


class SocketLine:
    """One open WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send(self, frames: Sequence[str]) -> None:
        try:
            for frame in frames:
                await self._socket.send(frame)
        except ConnectionClosed:
            raise self._closed() from None

    async def receive(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed:
            raise self._closed() from None

    def _closed(self) -> Closed:
        code, reason = self._socket.close_code, self._socket.close_reason
        return Closed(CLOSE_REASONS.get(code or 0) or f"{code} {reason or 'no reason given'}")


class SocketTransport:
    """Opens WebSockets."""

    @asynccontextmanager
    async def open(self, identity: Identity) -> AsyncIterator[SocketLine]:
        connection = connect(
            identity.socket_url,
            additional_headers={"Authorization": f"Bearer {identity.token}"},
            user_agent_header=f"agent/{__version__}",
            close_timeout=2,
        )
        try:
            socket = await connection
        except InvalidStatus as error:
            if error.response.status_code == 401:
                raise Closed("invalid_token") from None
            raise _no_line(identity, error, is_unfit=True) from error
        except (WebSocketException, TimeoutError, EOFError) as error:
            raise _no_line(identity, error, is_unfit=True) from error
        except OSError as error:
            raise _no_line(identity, error) from error
        async with socket:
            yield SocketLine(socket)


def _no_line(identity: Identity, error: Exception, *, is_unfit: bool = False) -> NoLine:
    reason = str(error) or type(error).__name__  # a TimeoutError has no text
    return NoLine(f"No connection to {identity.socket_url}: {reason}", is_unfit=is_unfit)
