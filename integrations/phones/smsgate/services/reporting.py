"""What became of the phone's messages."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from devices.models import Device
from devices.wakeup import nudge
from integrations.phones.smsgate.inputs import StateIn
from integrations.phones.smsgate.states import reports_of
from messaging.services.reports import ReportKind, Verdict, record_reports

log = structlog.get_logger(__name__)


def record_states(*, device: Device, states: Sequence[StateIn]) -> None:
    """Store all that `states` prove. Unknown ids are passed over: the app would repeat them."""
    reports = [report for state in states for report in reports_of(state)]
    if not reports:
        return
    verdicts = record_reports(device=device, reports=reports)
    unknown = sum(verdict is Verdict.UNKNOWN_ATTEMPT for verdict in verdicts)
    if unknown:
        log.info("reports of unknown attempts", device=device.pk, reports=unknown)
    if any(report.kind is not ReportKind.ACCEPTED for report in reports):
        nudge([(device.tenant_id, device.pk)])  # room in the window, or a retry
