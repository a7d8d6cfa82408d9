"""What the web processes say about themselves: GET /readyz."""

import http.client
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field

_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class Readiness:
    """One answer: is the gateway ready, and what each check found. The defaults: no answer.

    ``problems`` has every check by name; its text is empty when the check is fine.
    """

    is_ready: bool = False
    problems: Mapping[str, str] = field(default_factory=dict)


def ask_readiness(host: str, port: int) -> Readiness:
    """GET /readyz. 200 is ready; any body is ``{"checks": {name: {"ok", "problem"?}}}``."""
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_SECONDS)
    with closing(connection):
        try:
            connection.request("GET", "/readyz")
            answer = connection.getresponse()
            body = answer.read(65_536)
        except (OSError, http.client.HTTPException):
            return Readiness()
    try:
        checks = json.loads(body)["checks"].items()
        problems = {name: _problem(check) for name, check in checks}
    except (ValueError, KeyError, TypeError, AttributeError):
        problems = {}
    return Readiness(answer.status == 200, problems)


def _problem(check: dict[str, object]) -> str:
    return "" if check["ok"] else str(check.get("problem", "not ok"))
