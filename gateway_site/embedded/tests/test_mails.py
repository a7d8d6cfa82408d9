"""E-mails on the console of `make run`."""

import os
import time
from pathlib import Path

from gateway_site.embedded.mails import MailFolder

MAIL = "To: boss@example.com\nSubject: Asked\nContent-Type: text/plain; charset=utf-8\n{}\n{}\n"


def put(folder: Path, name: str, text: str, *, age: float = 10.0) -> Path:
    file = folder / name
    file.write_text(text)
    os.utime(file, (time.time() - age, time.time() - age))
    return file


def test_new_mail_is_told_once_and_earlier_ones_are_not(tmp_path: Path):
    put(tmp_path, "1.log", MAIL.format("", "before"))
    mails = MailFolder(tmp_path)
    file = put(tmp_path, "2.log", MAIL.format("", "What are your hours?"))
    told = f"\nE-mail to boss@example.com: Asked\n  What are your hours?\n  {file}\n"
    assert [mails.news(), mails.news()] == [[told], []]


def test_mail_that_is_still_written_is_told_later(tmp_path: Path):
    mails = MailFolder(tmp_path)
    put(tmp_path, "1.log", MAIL.format("", "half"), age=0)
    assert mails.news() == []
    put(tmp_path, "1.log", MAIL.format("", "whole"))
    assert len(mails.news()) == 1


def test_private_mail_is_told_without_its_text_and_nothing_steers_the_terminal(tmp_path: Path):
    mails = MailFolder(tmp_path)
    private = put(tmp_path, "1.log", MAIL.format("Sensitivity: Private\n", "sk_live_secret"))
    loud = put(tmp_path, "2.log", MAIL.format("", "red \x1b[31m"))
    assert mails.news() == [
        f"\nE-mail to boss@example.com: Asked\n  (private: the text is in the file)\n  {private}\n",
        f"\nE-mail to boss@example.com: Asked\n  red \N{REPLACEMENT CHARACTER}[31m\n  {loud}\n",
    ]


def test_folder_that_is_not_there_has_no_news(tmp_path: Path):
    assert MailFolder(tmp_path / "mail").news() == []
