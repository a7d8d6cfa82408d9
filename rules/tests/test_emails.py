"""E-mails of rules: at most once, and honest when nobody can tell."""

from datetime import timedelta

import pytest
from django.utils import timezone

from devices.tests.factories import DeviceFactory
from messaging.tests.factories import change
from messaging.tests.threads import at_once
from rules.services import emails
from rules.services.claims import EMAIL_PATIENCE, Outcome, claim, settle
from rules.services.emails import mark_unknown, send_due, send_email, waiting_of
from rules.tests.mail_server import HANG_UP, SAY_NOTHING, mail_server
from rules.tests.runs import EMAIL, REPLY, action_of, let_pass, outcomes, run_of, suspend

pytestmark = pytest.mark.django_db


@pytest.fixture
def device():
    return DeviceFactory()


def email_run(device, **changes):
    return run_of(device, email=EMAIL | changes)


def send(run) -> bool:
    return send_email(action_id=action_of(run, "email").pk)


def test_email_is_sent_with_what_tells_programs_what_it_is(device, mailoutbox, settings):
    settings.DEFAULT_FROM_EMAIL = "Gateway <gateway@example.org>"
    run = email_run(device)
    assert send(run) is True
    (sent,) = mailoutbox
    assert (sent.to, sent.subject, sent.body, sent.from_email) == (
        ["shop@example.com"],
        "A text",
        "+6581234567: Open?",
        "Gateway <gateway@example.org>",
    )
    assert sent.extra_headers == {
        "Auto-Submitted": "auto-generated",
        "Message-ID": f"<{run.external_id}.email@example.org>",
    }
    done = action_of(run, "email")
    assert (done.status, done.attempts, done.next_attempt_at) == ("done", 1, None)


def test_email_that_was_sent_is_not_sent_again(device, mailoutbox):
    run = email_run(device)
    assert [send(run), send(run), send_due(), mark_unknown()] == [True, False, 0, 0]
    assert len(mailoutbox) == 1


@pytest.mark.django_db(transaction=True)
def test_email_is_sent_by_one_of_many_workers(device, mailoutbox):
    run = email_run(device)
    assert sorted(at_once(*[lambda: send(run)] * 6)) == [False] * 5 + [True]
    assert len(mailoutbox) == 1


def test_waiting_emails_of_a_run_are_only_its_emails(device):
    run, other = run_of(device, email=EMAIL, reply=REPLY), email_run(device)
    assert waiting_of(run_id=run.pk) == [action_of(run, "email").pk]
    assert send_due() == 2
    assert (waiting_of(run_id=run.pk), waiting_of(run_id=other.pk)) == ([], [])


def test_email_is_on_record_as_started_while_the_server_is_asked(device):
    run = email_run(device)
    action = claim(action_of(run, "email").pk)
    known = action_of(run, "email")
    assert (known.status, known.attempts) == ("started", 1)
    assert known.started_at == action.started_at
    assert send(run) is False


def test_email_whose_sender_died_becomes_unknown_after_two_minutes(device, mailoutbox):
    run = email_run(device)
    claim(action_of(run, "email").pk)
    assert mark_unknown() == 0
    let_pass(run, EMAIL_PATIENCE)
    assert [mark_unknown(), mark_unknown(), send_due(), send(run)] == [1, 0, 0, False]
    lost = action_of(run, "email")
    assert (lost.status, lost.error_code, lost.next_attempt_at) == ("unknown", "unknown", None)
    assert lost.error == (
        "The gateway stopped while it sent the e-mail, which may or may not have gone out."
    )
    assert mailoutbox == []


def test_email_given_up_as_unknown_turns_out_to_be_sent(device):
    run = email_run(device)
    action = claim(action_of(run, "email").pk)
    let_pass(run, EMAIL_PATIENCE)
    mark_unknown()
    assert settle(action, Outcome("done")) is True
    assert outcomes(run) == {"email": ("done", "")}


def test_email_given_up_as_unknown_is_not_tried_again_when_the_server_refuses_late(device):
    run = email_run(device)
    action = claim(action_of(run, "email").pk)
    let_pass(run, EMAIL_PATIENCE)
    mark_unknown()
    assert settle(action, Outcome("pending", error_code="mail_server")) is False
    assert outcomes(run) == {"email": ("unknown", "unknown")}


def test_server_gets_the_email_once(device, settings):
    run = email_run(device, subject="Größe?", body="Zwölf ✓\nund mehr")
    with mail_server(settings) as server:
        assert send(run) is True
    (received,) = server.received
    assert (received["Subject"], received["To"], received["Auto-Submitted"]) == (
        "Größe?",
        "shop@example.com",
        "auto-generated",
    )
    assert received.get_content().splitlines() == ["Zwölf ✓", "und mehr"]
    assert outcomes(run) == {"email": ("done", "")}


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"welcome": "421 busy"}, "421 busy"),
        ({"welcome": HANG_UP}, "Connection unexpectedly closed"),
        ({"welcome": SAY_NOTHING}, "Connection unexpectedly closed: timed out"),
        ({"MAIL": "451 not now"}, "451 not now"),
        ({"RCPT": "550 no such user"}, "550 no such user"),
        ({"DATA": "452 no room"}, "452 no room"),
        ({"end": "554 not that"}, "554 not that"),
    ],
)
def test_email_that_the_server_surely_does_not_have_is_tried_again(
    device, settings, answers, error
):
    run = email_run(device)
    with mail_server(settings, **answers):
        assert send(run) is True
    again = action_of(run, "email")
    assert (again.status, again.error_code) == ("pending", "mail_server")
    assert again.error == f"The mail server did not take it: {error}"
    assert again.next_attempt_at > timezone.now() + timedelta(seconds=50)
    assert send(run) is False
    let_pass(run, timedelta(minutes=1))
    with mail_server(settings) as server:
        assert send_due() == 1
    assert (len(server.received), outcomes(run)) == (1, {"email": ("done", "")})


@pytest.mark.parametrize("answer", [HANG_UP, SAY_NOTHING])
@pytest.mark.parametrize("step", ["DATA", "end"])
def test_email_that_the_server_may_have_is_unknown_and_never_sent_again(
    device, settings, step, answer
):
    run = email_run(device)
    with mail_server(settings, **{step: answer}):
        send(run)
    lost = action_of(run, "email")
    assert (lost.status, lost.error_code, lost.next_attempt_at) == ("unknown", "unknown", None)
    assert lost.error == (
        "The mail server fell silent while it took the e-mail, and may or may not have sent it."
    )
    let_pass(run, timedelta(hours=1))
    with mail_server(settings) as server:
        assert [send_due(), mark_unknown(), send(run)] == [0, 0, False]
    assert server.received == []


def test_email_counts_as_sent_when_the_server_leaves_without_a_goodbye(device, settings):
    run = email_run(device)
    with mail_server(settings, QUIT=HANG_UP):
        send(run)
    assert outcomes(run) == {"email": ("done", "")}


def test_email_is_tried_less_and_less_often_then_fails(device, settings):
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there
    run = email_run(device)
    pauses = []
    while (action := action_of(run, "email")).status == "pending":
        if action.attempts:
            pauses.append(round((action.next_attempt_at - timezone.now()) / timedelta(minutes=1)))
            change(action, next_attempt_at=timezone.now())
        assert send_due() == 1
    assert pauses == [1, 5, 30, 120]
    assert (action.status, action.attempts) == ("failed", 5)
    assert action.error == "The mail server did not take it: Connection refused"


def test_lines_of_a_subject_become_one_and_make_no_header(device, mailoutbox):
    run = email_run(device, subject="Text:\r\nBcc: eve@example.com\n")
    send(run)
    assert [(sent.subject, sent.recipients()) for sent in mailoutbox] == [
        ("Text: Bcc: eve@example.com", ["shop@example.com"])
    ]


@pytest.mark.parametrize(
    "changes", [{"to": "shop@example.com\nBcc: eve@example.com"}, {"to": "nobody"}, {"to": ""}]
)
def test_address_that_cannot_be_written_fails_with_a_reason(device, settings, changes):
    run = email_run(device, **changes)
    with mail_server(settings) as server:
        send(run)
    failed = action_of(run, "email")
    assert (failed.status, failed.error_code, server.received) == ("failed", "invalid_email", [])
    assert failed.error == (
        "This cannot be written as an e-mail; check the rule's address and subject."
    )


def test_emails_beyond_a_hundred_in_an_hour_are_skipped(device, mailoutbox, monkeypatch):
    monkeypatch.setattr(emails, "_EMAILS_OF_TENANT", emails.Limit("rule-emails", 2, 3600))
    runs = [email_run(device) for _ in range(3)]
    other = email_run(DeviceFactory())
    assert send_due() == 4
    assert [outcomes(run)["email"] for run in (*runs, other)] == [
        ("done", ""),
        ("done", ""),
        ("skipped", "rate_limited"),
        ("done", ""),
    ]
    assert len(mailoutbox) == 3


def test_email_that_the_server_refuses_counts_once(device, settings, monkeypatch):
    monkeypatch.setattr(emails, "_EMAILS_OF_TENANT", emails.Limit("rule-emails", 1, 3600))
    run = email_run(device)
    with mail_server(settings, RCPT="450 later"):
        send(run)
    let_pass(run, timedelta(minutes=1))
    with mail_server(settings) as server:
        send(run)
    assert (len(server.received), outcomes(run)) == (1, {"email": ("done", "")})


def test_suspended_tenants_emails_wait(device, mailoutbox):
    suspend(device.tenant)
    run = email_run(device)
    assert (send(run), outcomes(run)) == (False, {"email": ("pending", "")})
    change(device.tenant, status="active")
    let_pass(run, timedelta(minutes=1))
    assert (send_due(), len(mailoutbox)) == (1, 1)


def test_email_a_day_late_is_skipped(device, mailoutbox):
    run = email_run(device)
    let_pass(run, timedelta(hours=24, seconds=1))
    send(run)
    assert (outcomes(run), mailoutbox) == ({"email": ("skipped", "too_late")}, [])


def test_email_that_killed_its_worker_five_times_is_given_up(device, mailoutbox):
    run = email_run(device)
    change(action_of(run, "email"), attempts=5)
    send(run)
    assert (outcomes(run), mailoutbox) == ({"email": ("failed", "gave_up")}, [])


def test_payload_is_emptied_when_it_is_over_and_not_before(device, settings):
    change(device.tenant, keep_inbound=False)
    run = email_run(device)
    with mail_server(settings, RCPT="450 later"):
        send(run)
    assert action_of(run, "email").payload == EMAIL
    let_pass(run, timedelta(minutes=1))
    with mail_server(settings, end=HANG_UP):
        send(run)
    lost = action_of(run, "email")
    assert (lost.status, lost.payload) == ("unknown", {})
