"""The bodies of webhooks in the native format."""


def native() -> None:
    """Named in `WEBHOOK_FORMATS`."""
