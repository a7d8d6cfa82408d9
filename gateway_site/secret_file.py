"""The key that an embedded gateway makes for itself on its first start."""

import os
import secrets
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def require_lasting_secret() -> None:
    """Refuse to serve with a key that the next process would not have.

    Raises ImproperlyConfigured.
    """
    if settings.SECRET_KEY_IS_PASSING:
        raise ImproperlyConfigured(
            f"Set SECRET_KEY, or make {settings.DATA_DIR} a folder that can be read and written."
        )


def read_or_create_secret(path: Path) -> str | None:
    """The secret in `path`; made with 50 random characters and mode 0600 when missing.

    Several processes may start at once: the first to create the file wins, the others read it.
    None where the folder can be neither read nor written.
    """
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    except OSError:
        return None
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
        return None
    finally:
        temporary.unlink(missing_ok=True)
    return secret
