"""What can go wrong with a posted payload, besides what sending may refuse."""

from collections.abc import Mapping, Sequence

from accounts.errors import GatewayError, Issue, Unauthorized


class MissingFields(GatewayError):
    """Recipient or text resolved empty; `tried` is field -> the paths that were looked at."""

    code = "missing_fields"
    status = 400

    def __init__(self, missing: Sequence[str], tried: Mapping[str, Sequence[str]]) -> None:
        issues = tuple(
            Issue(field, "missing_field", f"There is no value at {' or '.join(tried[field])}.")
            for field in missing
        )
        message = " ".join(f"{issue.path}: {issue.message}" for issue in issues)
        super().__init__(message, issues=issues)
        self.tried = tried


class InvalidSignature(Unauthorized):
    """A signing secret is set, and the body is unsigned or signed with another one."""

    default_message = (
        "Sign the raw body with HMAC-SHA256 and the signing secret, and send it as 'sha256=<hex>'."
    )
