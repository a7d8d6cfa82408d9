"""`/health`, for everybody."""

from django.http import HttpRequest, HttpResponse

from accounts.api.views import json_response
from accounts.errors import NotFound
from accounts.upward import listeners
from integrations.dialects.smsgate.auth import SmsGateView


class HealthView(SmsGateView):
    """Whether all that the gateway needs is there: what `/readyz` says, in this API's words."""

    def get(self, request: HttpRequest) -> HttpResponse:
        problems: dict[str, str] = {}
        for report in listeners("READINESS_REPORTERS"):
            problems |= report()
        checks = {name: _check(problem) for name, problem in problems.items()}
        is_well = not any(problems.values())
        answer = {"status": "pass" if is_well else "fail", "checks": checks}
        return json_response(answer, status=200 if is_well else 503)


class LiveView(SmsGateView):
    def get(self, request: HttpRequest) -> HttpResponse:
        """This process answers."""
        return json_response({"status": "pass", "checks": {}})


class UnknownView(SmsGateView):
    """Any other path."""

    def get(self, request: HttpRequest) -> HttpResponse:
        raise NotFound("There is no such path.")

    post = put = patch = delete = get


def _check(problem: str) -> dict[str, object]:
    return {"status": "fail" if problem else "pass", "description": problem or "It is there."}
