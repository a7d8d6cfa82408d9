"""A gateway as `make run` starts it, without the demo phone, for people with browsers."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import requests

from gateway_site.embedded.config import BASE_DIR
from gateway_site.embedded.first_run import FirstRun
from gateway_site.embedded.process import Process, Program
from tests.crash.gateway import free_port
from tests.crash.waiting import until

START_SECONDS = 120.0


class Gateway:
    """PostgreSQL, Redis, web, workers and beat in `folder`; mail goes to files there."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "gateway_site.settings",
            "DATA_DIR": str(folder),
            "PORT": str(self.port),
            "PUBLIC_URL": self.url,
            "DEMO_PHONE": "0",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        }
        # Not the servers of the tests around: this gateway has its own.
        for name in ("DATABASE_URL", "REDIS_URL", "EMAIL_URL"):
            self.env.pop(name, None)

    def start(self) -> None:
        """Start everything; returns when it is ready."""
        self._process = self._start("up", [sys.executable, "manage.py", "up"])
        log = self.folder / "up.log"
        until(lambda: "is running" in log.read_text(), "the gateway is up", START_SECONDS, 0.2)

    def stop(self) -> None:
        self._process.stop()

    @property
    def owner(self) -> FirstRun:
        """How the first owner gets in, who is staff too."""
        return FirstRun.read(self.folder)

    def call(self, api_key: str, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of the API's answer to a request below `/v1`."""
        headers = {"Authorization": f"Bearer {api_key}"}
        answer = requests.request(
            method, f"{self.url}/v1{path}", headers=headers, json=body, timeout=20
        )
        return answer.status_code, answer.json()

    def pair_phone(self, code: str, name: str) -> Process:
        """A simulated phone that pairs with `code` and stays connected; stop it at the end."""
        folder = self.folder / "phones" / name.replace(" ", "-")
        agent = [sys.executable, "-m", "agent"]
        subprocess.run(
            [*agent, "pair", "--url", self.url, "--code", code, "--name", name]
            + ["--kind", "simulated", "--data-dir", str(folder)],
            cwd=BASE_DIR,
            check=True,
        )
        return self._start(name, [*agent, "run", "--data-dir", str(folder), "--radio", "simulated"])

    def bring_text(self, name: str, sender: str, text: str) -> None:
        """A text comes in at the phone `name`."""
        folder = self.folder / "phones" / name.replace(" ", "-")
        subprocess.run(
            [sys.executable, "-m", "agent", "text", "--data-dir", str(folder)]
            + ["--from", sender, text],
            cwd=BASE_DIR,
            check=True,
        )

    def manage(self, *arguments: str) -> str:
        """The output of a management command on this gateway's data."""
        command = [sys.executable, "-m", "gateway_site.embedded", "--"]
        done = subprocess.run(
            [*command, sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.env,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        return done.stdout

    def mails_to(self, address: str) -> list[str]:
        """The e-mails to `address`, oldest first."""
        files = sorted((self.folder / "mail").glob("*"), key=lambda file: file.stat().st_mtime)
        texts = [file.read_text() for file in files]
        return [text for text in texts if f"To: {address}" in text]

    def _start(self, name: str, argv: list[str]) -> Process:
        program = Program(name, argv, self.env, BASE_DIR, stop_seconds=20.0)
        with (self.folder / f"{name}.log").open("wb") as output:
            return Process(program, stdout=output)


def as_json(text: str) -> Any:
    """The last line of a command's output."""
    return json.loads(text.strip().splitlines()[-1])
