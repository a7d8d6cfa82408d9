"""Runs with actions as `rules.services.reactions` leaves them."""

from datetime import timedelta

from accounts.models import Tenant
from devices.models import Device
from messaging.tests.factories import MessageFactory, change
from rules.models import RuleAction, RuleRun

SENDER = "+6581234567"
REPLY = {"to": SENDER, "text": "We are open."}
FORWARD = {"to": "+6589990000", "text": f"{SENDER}: Open?"}
EMAIL = {"to": "shop@example.com", "subject": "A text", "body": f"{SENDER}: Open?"}


def run_of(device: Device, *, sender: str = SENDER, **payloads: dict) -> RuleRun:
    """The run of a text that `device` received: an action for each of `payloads`, kind=payload."""
    message = MessageFactory(inbound=True, device=device, sender=sender, text="Open?")
    run = RuleRun.objects.create(
        tenant=device.tenant, rule_name="Hours", message=message, sender=sender
    )
    RuleAction.objects.bulk_create(
        RuleAction(run=run, kind=kind, payload=payload) for kind, payload in payloads.items()
    )
    return run


def action_of(run: RuleRun, kind: str) -> RuleAction:
    """The run's action as it is now."""
    return run.actions.get(kind=kind)


def outcomes(run: RuleRun) -> dict[str, tuple[str, str]]:
    """Kind -> (status, error code)."""
    return {row.kind: (row.status, row.error_code) for row in run.actions.all()}


def suspend(tenant: Tenant) -> None:
    change(tenant, status=Tenant.Status.SUSPENDED)


def let_pass(run: RuleRun, by: timedelta) -> None:
    """Have all that is known of `run` happened earlier."""
    change(run, created_at=run.created_at - by)
    for action in run.actions.all():
        columns = ("next_attempt_at", "started_at", "finished_at")
        known = {name: value - by for name in columns if (value := getattr(action, name))}
        if known:
            change(action, **known)
