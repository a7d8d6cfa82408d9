"""From what the app says of a message to our reports.

It reports the message's current state with the times of all that came before, repeats itself, and
skips and swaps reports. So each report tells everything that it proves; the core orders it.
"""

from __future__ import annotations

from datetime import datetime

from devices.frames import storable
from integrations.phones.smsgate.dates import parse_date
from integrations.phones.smsgate.inputs import StateIn
from integrations.phones.smsgate.wire_ids import attempt_id_of
from messaging.services.reports import UNDELIVERED, Report, ReportKind

MAX_REASON = 2000
# What the app's states prove. A message that failed may have been "Delivered" before: the first of
# its parts was. So delivery counts only as the current state.
_STEPS = {
    ReportKind.ACCEPTED: ("Pending", "Processed"),  # stored; given to Android
    ReportKind.SENT: ("Sent",),
}
_LAST = {
    "Delivered": ReportKind.DELIVERED,
    "Failed": ReportKind.FAILED,
    "Cancelled": ReportKind.RELEASED,
}
# How an error begins that Android told of one part of a text; the app's own are of the whole.
_OF_A_PART = "Send result"
# Part of the error's text -> our code; the first that fits. The names are those of Android's
# SmsManager.RESULT_*, the sentences the app's own.
_CODES = (
    ("TTL expired", "expired"),
    ("Delivery result", UNDELIVERED),
    ("LIMIT_EXCEEDED", "limit_exceeded"),
    ("RATE_LIMITED", "limit_exceeded"),
    ("NO_SERVICE", "no_service"),
    ("RADIO_OFF", "radio_off"),
    ("RADIO_NOT_AVAILABLE", "radio_off"),
    ("NETWORK_NOT_READY", "no_service"),
    ("MODEM_ERROR", "no_service"),
    ("NO_DEFAULT_SMS_APP", "no_default_app"),
    ("SIMs found", "no_sim"),
    ("permission", "no_permission"),
    ("READ_PHONE_STATE", "no_permission"),
    ("SHORT_CODE_N", "rejected"),  # …_NOT_ALLOWED and …_NEVER_ALLOWED
    ("FDN_CHECK_FAILURE", "rejected"),
    ("ENCODING_ERROR", "rejected"),
    ("INVALID_ARGUMENTS", "rejected"),
    ("phone number", "invalid_number"),
)


def reports_of(state: StateIn) -> list[Report]:
    """All that `state` proves of its attempt; nothing for ids and states that are not ours."""
    attempt_id = attempt_id_of(state.id)
    if attempt_id is None:
        return []
    reports = [
        Report(kind, attempt_id, _time(state, *names))
        for kind, names in _STEPS.items()
        if state.state in names or not state.states.keys().isdisjoint(names)
        if not (kind is ReportKind.SENT and _is_part_refused(state))
    ]
    last = _LAST.get(state.state)
    if last is not None:
        reports.append(_end(last, attempt_id, state))
    return reports


def failure_code(error: str) -> str:
    """Our code for the app's error text."""
    if error.startswith("SIM ") and "not found" in error:
        return "no_sim"
    return next((code for part, code in _CODES if part in error), "generic_failure")


def _end(kind: ReportKind, attempt_id: str, state: StateIn) -> Report:
    when = _time(state, state.state)
    if kind is not ReportKind.FAILED:
        return Report(kind, attempt_id, when)
    error = _error(state)
    # "Sent" in its past is of another part: nothing proves any more that the text did not leave.
    has_left = _is_part_refused(state) and "Sent" in state.states
    return Report(
        kind,
        attempt_id,
        when,
        code="generic_failure" if has_left else failure_code(error),
        reason=storable(error)[:MAX_REASON],
        is_of_any_part=_is_part_refused(state),
    )


def _is_part_refused(state: StateIn) -> bool:
    """Whether Android refused one part; then the text as a whole was not sent."""
    return state.state == "Failed" and _error(state).startswith(_OF_A_PART)


def _error(state: StateIn) -> str:
    return next((said.error for said in state.recipients if said.error), "") or ""


def _time(state: StateIn, *names: str) -> datetime | None:
    """The first time that is told for these states."""
    told = (parse_date(state.states.get(name)) for name in names)
    return next((moment for moment in told if moment is not None), None)
