"""The commands as a person starts them."""

import asyncio
import io
import os
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from agent.cli import main
from agent.console import HOW_TO, run_console
from agent.radios.base import OutgoingText
from agent.radios.inbox import Inbox
from agent.radios.simulated import SimulatedRadio
from agent.tests.gateway import QUICK_PHONE, FakeGateway, paired_folder, sent_ids, until
from agent.tests.test_crash import ROOT, agent_process


async def run_command(*arguments: str, stdin: bytes = b"") -> tuple[int, str]:
    """Exit code and standard output of `python -m agent …`."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "agent", *arguments),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate(stdin)
    assert process.returncode is not None
    return process.returncode, output.decode()


async def test_text_typed_in_other_processes_is_received(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        folder = str(paired_folder(gateway, tmp_path))
        async with agent_process(tmp_path, "--sims", "2"):
            await gateway.until_received("hello")
            text = ("text", "--data-dir", folder, "--from", "BANK", "--sim", "2", "Your code")
            assert (await run_command(*text))[0] == 0
            lines = "+6581230000  two  words \n\nnonsense\n+6581230001 grüße\n".encode()
            code, screen = await run_command("console", "--data-dir", folder, stdin=lines)
            received = await gateway.until_received("message.received", 3)
    assert [(f["from"], f["sim"], f["text"]) for f in received] == [
        ("BANK", 2, "Your code"),
        ("+6581230000", 1, "two  words"),
        ("+6581230001", 1, "grüße"),
    ]
    assert code == 0
    assert screen == "Write a number and a text, for example: +6581230000 Hello\n"


async def test_console_shows_what_the_phone_sends(tmp_path: Path) -> None:
    keyboard_read, keyboard_write = os.pipe()
    screen = io.StringIO()
    async with aclosing(SimulatedRadio(tmp_path, QUICK_PHONE)) as radio:
        await radio.send(OutgoingText("before", "+65", "not shown", 1))
        with open(keyboard_read) as keyboard, open(keyboard_write, "w") as hands:
            hands.write("what now?\n")
            hands.flush()
            console = asyncio.create_task(
                asyncio.to_thread(run_console, tmp_path, keyboard, screen)
            )
            await until(lambda: screen.getvalue().count("\n") == 1)
            await radio.send(OutgoingText("m1", "+6591234567", "Hi", 1))
            await radio.send(OutgoingText("m2", "+6591234567", "a" * 161, 1))
            await until(lambda: screen.getvalue().count("\n") == 3)
            hands.close()
            await console
    assert screen.getvalue().splitlines() == [
        HOW_TO,
        "to +6591234567 (SIM 1): Hi",
        f"to +6591234567 (SIM 1, 2 parts): {'a' * 161}",
    ]


@pytest.mark.parametrize("name", ["AGENT_RADIO", "AGENT_TRANSPORT"])
def test_wrong_choice_in_the_environment_is_not_tried_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "bogus")
    assert main(["run", "--data-dir", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith(f"{name}=bogus is none of ")


async def test_refused_token_has_its_own_exit_code(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        paired_folder(gateway, tmp_path)
        gateway.greeting_close = (4401, "invalid_token")
        async with agent_process(tmp_path) as process:
            assert process.stderr is not None
            log = (await process.stderr.read()).decode()
            assert await process.wait() == 3
    sentence = "The gateway does not know this phone any more (invalid_token): pair it again."
    assert log.splitlines()[-1] == sentence


async def test_second_agent_on_the_same_folder_stops_with_a_sentence(tmp_path: Path) -> None:
    async with FakeGateway() as gateway:
        paired_folder(gateway, tmp_path)
        async with agent_process(tmp_path):
            await gateway.until_received("hello")
            async with agent_process(tmp_path) as second:
                assert second.stderr is not None
                log = (await second.stderr.read()).decode()
                assert await second.wait() == 1
            await gateway.offer("m1")
            await gateway.until_received("message.delivered")
    assert log.splitlines()[-1] == (
        f"Cannot open {tmp_path / 'journal.sqlite3'}: "
        "database is locked (another agent uses this folder)."
    )
    assert sent_ids(tmp_path) == ["m1"]


@pytest.mark.parametrize(
    "command", [["run"], ["console"], ["text", "--from", "+6581230000", "Hello"]]
)
def test_folder_that_is_not_paired_gives_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    assert main([command[0], "--data-dir", str(tmp_path), *command[1:]]) == 1
    assert capsys.readouterr().err.startswith(f"The folder {tmp_path} is not paired yet: ")
    assert list(tmp_path.iterdir()) == []


def test_options_of_the_radio_come_from_the_environment_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_SIMS", "9")
    paired_folder(FakeGateway(port=1), tmp_path)
    assert main(["run", "--data-dir", str(tmp_path)]) == 1
    sentence = "The simulated phone has a failure rate of 0 to 1 and 1 to 8 SIMs.\n"
    assert capsys.readouterr().err == sentence


def test_data_dir_comes_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_DATA_DIR", str(tmp_path))
    paired_folder(FakeGateway(port=1), tmp_path)
    assert main(["text", "--from", "+6581230000", "Hello"]) == 0
    assert [text.text for text in Inbox(tmp_path).waiting()] == ["Hello"]
