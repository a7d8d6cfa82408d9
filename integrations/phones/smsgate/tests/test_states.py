"""From the app's states to our reports."""

import pytest

from integrations.phones.smsgate.inputs import RecipientIn, StateIn
from integrations.phones.smsgate.states import failure_code, reports_of

WIRE = f"msg_{'0' * 22}-3"
AT = {
    "Pending": "2026-01-02T12:00:01.000+02:00",
    "Processed": "2026-01-02T12:00:02.000+02:00",
    "Sent": "2026-01-02T12:00:03.000+02:00",
    "Delivered": "2026-01-02T12:00:04.000+02:00",
    "Failed": "2026-01-02T12:00:05.000+02:00",
}


def told(state: str, *past: str, error: str = "") -> list[tuple[str, int | None, str]]:
    """(kind, second, code) of each report."""
    states = {name: AT[name] for name in (*past, state) if name in AT}
    reports = reports_of(StateIn(WIRE, state, [RecipientIn(error or None)], states))
    assert {report.attempt_id for report in reports} <= {f"msg_{'0' * 22}.3"}
    return [
        (report.kind.value, report.occurred_at.second if report.occurred_at else None, report.code)
        for report in reports
    ]


@pytest.mark.parametrize(
    ("states", "reports"),
    [
        (("Pending",), [("accepted", 1, "")]),
        (("Processed",), [("accepted", 2, "")]),
        (("Processed", "Pending"), [("accepted", 1, "")]),
        (("Sent", "Pending", "Processed"), [("accepted", 1, ""), ("sent", 3, "")]),
        (
            ("Delivered", "Pending", "Sent"),
            [("accepted", 1, ""), ("sent", 3, ""), ("delivered", 4, "")],
        ),
        (("Delivered", "Processed"), [("accepted", 2, ""), ("delivered", 4, "")]),
        (("Failed", "Pending"), [("accepted", 1, ""), ("failed", 5, "generic_failure")]),
        (("Cancelled",), [("released", None, "")]),
        (("Cancelling", "Pending"), [("accepted", 1, "")]),
        (("Exploded",), []),
    ],
)
def test_report_tells_all_that_it_proves(states, reports):
    assert told(*states) == reports


def test_failed_after_its_first_part_was_delivered_is_not_delivered():
    kinds = [kind for kind, _, _ in told("Failed", "Pending", "Sent", "Delivered")]
    assert kinds == ["accepted", "sent", "failed"]


def test_text_of_which_a_part_failed_was_not_sent_and_may_not_be_tried_again():
    error = "Send result: RESULT_ERROR_NO_SERVICE"
    reports = told("Failed", "Pending", "Sent", error=error)
    assert reports == [("accepted", 1, ""), ("failed", 5, "generic_failure")]
    reports = told("Failed", "Pending", error=error)
    assert reports == [("accepted", 1, ""), ("failed", 5, "no_service")]


def test_odd_times_and_no_times_are_no_reason_to_refuse():
    state = StateIn(WIRE, "Sent", [], {"Sent": 5, "Pending": "soon"})
    assert [(report.kind, report.occurred_at) for report in reports_of(state)] == [
        ("accepted", None),
        ("sent", None),
    ]


def test_another_servers_id_proves_nothing():
    assert reports_of(StateIn("x", "Sent")) == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("TTL expired", "expired"),
        ("Send result: RESULT_ERROR_NO_SERVICE (Failed because …)", "no_service"),
        ("Send result: RESULT_ERROR_RADIO_OFF", "radio_off"),
        ("Send result: RESULT_RIL_NETWORK_NOT_READY", "no_service"),
        ("Send result: RESULT_RADIO_NOT_AVAILABLE", "radio_off"),
        ("Send result: RESULT_MODEM_ERROR", "no_service"),
        ("Send result: RESULT_ERROR_LIMIT_EXCEEDED", "limit_exceeded"),
        ("Send result: RESULT_RIL_REQUEST_RATE_LIMITED", "limit_exceeded"),
        ("Send result: RESULT_ERROR_GENERIC_FAILURE", "generic_failure"),
        ("Send result: RESULT_NETWORK_REJECT", "generic_failure"),
        ("Send result: RESULT_RIL_SIM_ABSENT", "generic_failure"),
        ("Send result: RESULT_ERROR_SHORT_CODE_NOT_ALLOWED", "rejected"),
        ("Send result: RESULT_ERROR_SHORT_CODE_NEVER_ALLOWED", "rejected"),
        ("Send result: RESULT_ERROR_FDN_CHECK_FAILURE", "rejected"),
        ("Send result: RESULT_INVALID_ARGUMENTS", "rejected"),
        ("Send result: RESULT_ENCODING_ERROR", "rejected"),
        ("Send result: RESULT_NO_DEFAULT_SMS_APP", "no_default_app"),
        ("SIM 2 not found", "no_sim"),
        ("No SIMs found", "no_sim"),
        ("sendSMS: user does not have android.permission.SEND_SMS", "no_permission"),
        ("requires READ_PHONE_STATE", "no_permission"),
        ("Delivery result from SC +6598540000: 64", "undelivered"),
        ("Can't send message: x", "generic_failure"),
        ("", "generic_failure"),
    ],
)
def test_failure_is_what_its_text_says(error, code):
    assert failure_code(error) == code


@pytest.mark.parametrize(
    ("error", "is_of_any_part"),
    [("Send result: RESULT_ERROR_NO_SERVICE (Failed because …)", True), ("SIM 2 not found", False)],
)
def test_what_android_says_is_of_any_part_and_what_the_app_says_of_the_whole(error, is_of_any_part):
    state = StateIn(WIRE, "Failed", [RecipientIn(error=error)])
    assert reports_of(state)[-1].is_of_any_part is is_of_any_part
