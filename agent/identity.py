"""Who this phone is to the gateway: `agent.json` in the data folder, readable by its owner only."""

import os
from pathlib import Path

import msgspec

from agent.errors import AgentError

FILE_NAME = "agent.json"


class Identity(msgspec.Struct, frozen=True):
    """What pairing gave. `token` is the secret that opens the device socket."""

    url: str
    socket_url: str
    token: str
    device_id: str
    name: str


def prepare_folder(data_dir: Path) -> None:
    """Make the data folder (mode 0700 when new) and prove that it can be written.

    Raises AgentError if it cannot: better now than after a one-time pairing code was used up.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = data_dir / ".writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise AgentError(f"Cannot write to the folder {data_dir}: {error.strerror}.") from error


def save(data_dir: Path, identity: Identity) -> None:
    """Write `agent.json` with mode 0600, replacing an earlier one at once or not at all."""
    draft = data_dir / f".{FILE_NAME}"
    draft.unlink(missing_ok=True)  # so that the mode below is the mode of a new file
    descriptor = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(identity)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    draft.replace(data_dir / FILE_NAME)


def load(data_dir: Path) -> Identity:
    """Read `agent.json`. Raises AgentError if the folder is not paired or the file is damaged."""
    path = data_dir / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except FileNotFoundError:
        raise AgentError(
            f"The folder {data_dir} is not paired yet: "
            f"run `python -m agent pair --url … --code … --data-dir {data_dir}` first."
        ) from None
    except OSError as error:
        raise AgentError(f"Cannot read {path}: {error.strerror}.") from error
    except msgspec.DecodeError as error:
        raise AgentError(f"The file {path} is damaged ({error}): pair again.") from error
