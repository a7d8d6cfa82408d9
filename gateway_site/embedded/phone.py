"""The demo phone's identity, which the agent keeps in its data folder."""

from pathlib import Path

import msgspec

from agent import identity
from agent.errors import AgentError
from gateway_site.embedded.errors import StartError


def is_paired(folder: Path) -> bool:
    """Whether the phone with this data folder knows a gateway."""
    return (folder / identity.FILE_NAME).exists()


def call_at(folder: Path, url: str) -> identity.Identity:
    """Have the paired phone call the gateway at ``url`` and return who it is.

    It was told the public address when it was paired, under which this machine may not reach
    itself, and PORT may have changed since. The socket's path is from docs/device-protocol.md.
    Raises StartError when its file cannot be read.
    """
    try:
        known = identity.load(folder)
    except AgentError as error:
        raise StartError(str(error)) from error
    socket_url = f"{url.replace('http', 'ws', 1)}/ws/device"
    if (known.url, known.socket_url) == (url, socket_url):
        return known
    moved = msgspec.structs.replace(known, url=url, socket_url=socket_url)
    identity.save(folder, moved)
    return moved
