"""The commands: pair, run, doctor, console, text."""

import argparse
import asyncio
import json
import logging
import os
import sqlite3
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from agent import crash, doctor, identity
from agent.console import HOW_TO, run_console
from agent.errors import AgentError, WrongOption
from agent.pairing import PairingRequest, pair
from agent.radios import RADIOS, radio_class
from agent.radios.inbox import Inbox
from agent.radios.options import add_options, chosen_options
from agent.runner import run_until_signal
from agent.transports import TRANSPORTS

COMMAND = "sms-gateway-agent"  # of agent/pyproject.toml
RADIO_HELP = "which radio it drives [AGENT_RADIO or simulated]"

log = logging.getLogger("agent")


def main(arguments: Sequence[str]) -> int:
    """Run one command; its exit code (1 for an error, 2 wrong options, 3 a refused token)."""
    try:
        options = _parser(arguments).parse_args(arguments)
        options.command(options)
    except AgentError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    except (OSError, sqlite3.Error, ExceptionGroup):
        log.exception("The agent stopped")
        return 1
    return 0


def run() -> None:
    """The installed command."""
    sys.exit(main(sys.argv[1:]))


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=_this_program(), description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="command")
    folder = argparse.ArgumentParser(add_help=False)
    folder.add_argument(
        "--data-dir",
        type=Path,
        default=Path(os.environ.get("AGENT_DATA_DIR", "phone")),
        help="folder of this phone [AGENT_DATA_DIR or ./phone]",
    )

    pairing = commands.add_parser("pair", parents=[folder], help="connect to a gateway, once")
    pairing.add_argument("--url", required=True, help="the gateway, e.g. http://127.0.0.1:8000")
    pairing.add_argument("--code", required=True, help="the pairing code that it shows")
    pairing.add_argument("--name", help="how the gateway shall call this phone")
    pairing.add_argument("--radio", choices=RADIOS, default=_radio_of(arguments), help=RADIO_HELP)
    pairing.add_argument(
        "--kind", choices=["android", "modem", "simulated"], help="[what the radio is]"
    )
    pairing.add_argument("--json", action="store_true", help="print the gateway's whole answer")
    pairing.set_defaults(command=_pair)

    running = commands.add_parser("run", parents=[folder], help="send and receive until stopped")
    running.add_argument(
        "--transport",
        choices=TRANSPORTS,
        default=_transport(),
        help="how to talk to the gateway; auto = socket, HTTP where that does not get through",
    )
    _add_radio_options(running, arguments)
    running.set_defaults(command=_run)

    examining = commands.add_parser("doctor", parents=[folder], help="say what is missing")
    _add_radio_options(examining, arguments)
    examining.set_defaults(command=_doctor)

    console = commands.add_parser("console", parents=[folder], help=HOW_TO)
    console.set_defaults(command=_console)

    text = commands.add_parser("text", parents=[folder], help="let the simulated phone receive")
    text.add_argument("--from", dest="sender", required=True, metavar="NUMBER")
    text.add_argument("--sim", type=int, default=1, help="slot that receives it [1]")
    text.add_argument("text")
    text.set_defaults(command=_text)
    return parser


def _radio_of(arguments: Sequence[str]) -> str:
    """The radio chosen on the command line or in the environment, read before all the rest."""
    choice = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    default = os.environ.get("AGENT_RADIO", "simulated")
    choice.add_argument("--radio", choices=RADIOS, default=default)
    chosen: str = choice.parse_known_args(arguments)[0].radio
    if chosen not in RADIOS:
        raise WrongOption(f"AGENT_RADIO={chosen} is none of {', '.join(RADIOS)}.")
    return chosen


def _transport() -> str:
    """The one chosen in the environment, which argparse does not compare with its choices."""
    chosen = os.environ.get("AGENT_TRANSPORT", "auto")
    if chosen not in TRANSPORTS:
        raise WrongOption(f"AGENT_TRANSPORT={chosen} is none of {', '.join(TRANSPORTS)}.")
    return chosen


def _add_radio_options(parser: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """The other options depend on which radio it is."""
    chosen = _radio_of(arguments)
    parser.add_argument("--radio", choices=RADIOS, default=chosen, help=RADIO_HELP)
    if arguments and arguments[0] in ("run", "doctor"):  # a radio may need what is not installed
        add_options(parser, radio_class(chosen).options)


def _pair(options: argparse.Namespace) -> None:
    kind = options.kind or radio_class(options.radio).kind
    request = PairingRequest(options.url, options.code, kind, options.name)
    answer = pair(request, options.data_dir)
    if options.json:
        sys.stdout.write(json.dumps(answer) + "\n")
        return
    radio = "" if options.radio == "simulated" else f" --radio {options.radio}"
    sys.stdout.write(
        f"Paired as {answer.get('name') or 'a phone'} ({answer['deviceId']}); "
        f"start it with: {_this_program()} run{radio} --data-dir {options.data_dir}\n"
    )
    for key, label in (("apiKey", "API key"), ("signingSecret", "Signing secret")):
        if key in answer:
            sys.stdout.write(f"{label} (shown this once): {answer[key]}\n")


def _run(options: argparse.Namespace) -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("websockets").setLevel(logging.WARNING)
    data_dir: Path = options.data_dir
    me = identity.load(data_dir)
    crash.arm(data_dir)
    kind = radio_class(options.radio)
    radio = kind(data_dir, chosen_options(kind.options, options))
    with_console = options.radio == "simulated" and sys.stdin.isatty()
    transport = TRANSPORTS[options.transport]()
    asyncio.run(run_until_signal(me, data_dir, radio, with_console, transport))


def _doctor(options: argparse.Namespace) -> None:
    kind = radio_class(options.radio)
    chosen = chosen_options(kind.options, options)
    findings = doctor.examine(
        options.data_dir, lambda: kind.examine(options.data_dir, chosen), sys.stdout
    )
    if not asyncio.run(findings):
        raise AgentError("Put right what is marked with ✗, and ask again.")


def _this_program() -> str:
    """How it was started: as an installed command, or as a module."""
    return COMMAND if Path(sys.argv[0]).name == COMMAND else "python -m agent"


def _console(options: argparse.Namespace) -> None:
    identity.load(options.data_dir)  # a typing error in the folder's name is told here
    if sys.stdin.isatty():
        sys.stdout.write(f"{HOW_TO}\n")
    run_console(options.data_dir, sys.stdin, sys.stdout)


def _text(options: argparse.Namespace) -> None:
    identity.load(options.data_dir)
    with closing(Inbox(options.data_dir)) as inbox:
        inbox.add(options.sender, options.text, options.sim)
    sys.stdout.write("The simulated phone receives this text as soon as it runs.\n")
