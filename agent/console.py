"""The simulated phone's keyboard and screen: type what it receives, see what it sends."""

import asyncio
import re
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from agent.errors import AgentError
from agent.radios.inbox import Inbox
from agent.radios.sent_log import SentLogFollower

HOW_TO = "Write a number and a text, for example: +6581230000 Hello"
LINE = re.compile(r"\s*(\+?[0-9]{3,15})\s+(.*\S)\s*")
FOLLOW_SECONDS = 0.2


def add_line(inbox: Inbox, line: str) -> None:
    """Put `+6581230000 some text` into the inbox. Raises AgentError for any other line."""
    match = LINE.fullmatch(line)
    if match is None:
        raise AgentError(HOW_TO)
    inbox.add(match[1], match[2])


def run_console(data_dir: Path, lines: Iterable[str], screen: TextIO) -> None:
    """Take lines until they end; meanwhile show what the phone sends."""
    inbox = Inbox(data_dir)
    stop = threading.Event()
    arguments = (SentLogFollower(data_dir), screen, stop)
    follower = threading.Thread(target=_show_sent, args=arguments)
    follower.start()
    try:
        for line in lines:
            _try_line(inbox, line, screen)
    finally:
        stop.set()
        follower.join()
        inbox.close()


def attach_console(data_dir: Path) -> None:
    """Take lines from the terminal of `agent run`, in its event loop, until Ctrl-D.

    What the phone sends is not shown again: the log on the same terminal tells it.
    """
    loop = asyncio.get_running_loop()
    inbox = Inbox(data_dir)

    def take_line() -> None:
        line = sys.stdin.readline()
        if line:
            _try_line(inbox, line, sys.stdout)
        else:
            loop.remove_reader(sys.stdin)
            inbox.close()

    try:
        loop.add_reader(sys.stdin, take_line)
        sys.stdout.write(f"{HOW_TO}\n")
    except NotImplementedError:  # Windows: `agent console` in a second window does the same
        inbox.close()


def _try_line(inbox: Inbox, line: str, screen: TextIO) -> None:
    try:
        if line.strip():
            add_line(inbox, line)
    except AgentError as error:
        screen.write(f"{error}\n")
        screen.flush()


def _show_sent(sent_log: SentLogFollower, screen: TextIO, stop: threading.Event) -> None:
    while not stop.wait(FOLLOW_SECONDS):
        for line in sent_log.new_lines():
            parts = "" if line.segments == 1 else f", {line.segments} parts"
            screen.write(f"to {line.to} (SIM {line.sim}{parts}): {line.text}\n")
            screen.flush()
