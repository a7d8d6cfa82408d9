"""E-mails without a mail server: each a file, and shown to whoever watches."""

import stat
from pathlib import Path

import pytest
from django.core.mail import EmailMessage, get_connection, send_mail

from accounts.tests.factories import MembershipFactory
from devices.services.pairing import PhoneDescription, create_pairing_code, pair_device


@pytest.fixture(autouse=True)
def folder(settings, tmp_path) -> Path:
    settings.EMAIL_BACKEND = "gateway_site.mail.FilesAndConsole"
    settings.EMAIL_FILE_PATH = str(tmp_path / "mail")
    return tmp_path / "mail"


def email(**fields) -> EmailMessage:
    wanted = {"subject": "A text", "body": "Open?", "to": ["shop@example.com"]} | fields
    return EmailMessage(from_email="gateway@example.org", **wanted)


def shown(folder: Path, subject: str, body: str) -> str:
    (file,) = folder.iterdir()
    rule = "-" * 79
    return (
        f"{rule}\nFrom: gateway@example.org\nTo: shop@example.com\nSubject: {subject}\n"
        f"File: {file}\n\n{body}\n{rule}\n"
    )


def test_email_is_kept_as_a_file_and_shown(folder, capsys):
    assert email().send() == 1
    (file,) = folder.iterdir()
    lines = file.read_text().splitlines()
    assert [line for line in lines if line.startswith(("Subject:", "To:"))] == [
        "Subject: A text",
        "To: shop@example.com",
    ]
    assert lines[-2:] == ["Open?", "-" * 79]
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", shown(folder, "A text", "Open?"))


def test_private_email_is_shown_without_its_body(folder, capsys):
    email(body="API key: sk_live_x", headers={"Sensitivity": "Private"}).send()
    (file,) = folder.iterdir()
    assert file.read_text().count("API key: sk_live_x") == 1
    hidden = "(private: the text is in the file)"
    assert capsys.readouterr().err == shown(folder, "A text", hidden)


def test_email_is_shown_as_it_reads_and_cannot_steer_the_terminal(folder, capsys):
    email(subject="Größe", body="12 ✓\n\tja\x1b[2J\r\u202e").send()
    assert capsys.readouterr().err == shown(folder, "Größe", "12 ✓\n\tja�[2J��")


def test_every_email_has_a_file_of_its_own_for_its_owner_alone(folder):
    for _ in range(20):
        send_mail("One", "more", None, ["shop@example.com"])
    files = list(folder.iterdir())
    assert (len(files), {stat.S_IMODE(file.stat().st_mode) for file in files}) == (20, {0o600})


def test_emails_of_one_connection_are_one_file(folder, capsys):
    with get_connection() as connection:
        assert connection.send_messages([email(), email(subject="Another")]) == 2
    (file,) = folder.iterdir()
    assert file.read_text().count("Subject: ") == 2
    assert capsys.readouterr().err.count("Subject: ") == 2


def test_email_is_kept_when_nobody_watches(folder, monkeypatch, tmp_path):
    with (tmp_path / "closed").open("w") as closed:
        pass
    monkeypatch.setattr("sys.stderr", closed)
    assert email().send() == 1
    assert len(list(folder.iterdir())) == 1


def test_first_api_key_is_in_the_file_and_not_shown(
    db, folder, capsys, django_capture_on_commit_callbacks
):
    tenant = MembershipFactory(user__email="alice@example.com").tenant
    _, digits = create_pairing_code(tenant=tenant, actor=None)
    with django_capture_on_commit_callbacks(execute=True):
        paired = pair_device(digits=digits, phone=PhoneDescription(), address="192.0.2.1")
    key = paired.once["api_key"]
    (file,) = folder.iterdir()
    told = capsys.readouterr().err
    assert (file.read_text().count(key), told.count(key)) == (1, 0)
    assert told.count("To: alice@example.com") == 1
