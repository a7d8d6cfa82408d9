"""The key that an embedded gateway makes for itself on its first start."""

import os
import secrets
from pathlib import Path


def read_or_create_secret(path: Path) -> str:
    """The secret in `path`; made with 50 random characters and mode 0600 when missing.

    Several processes may start at once: the first to create the file wins, the others read it.
    Where the folder can't be written a passing secret is returned, so that read-only commands run.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    except PermissionError:
        return secrets.token_urlsafe(38)
    secret = secrets.token_urlsafe(38)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secret)
        os.link(temporary, path)
    except FileExistsError:
        return path.read_text().strip()
    except OSError:
        return secret
    finally:
        temporary.unlink(missing_ok=True)
    return secret
