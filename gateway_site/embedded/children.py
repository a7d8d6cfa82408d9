"""The gateway's own processes: what the supervisor starts, and the one-off commands before that."""

import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gateway_site.embedded.config import BASE_DIR, Config
from gateway_site.embedded.process import Program

PHONE_NAME = "Demo phone"


@dataclass(frozen=True)
class Children:
    """Builds Programs; ``env`` is the whole environment of each."""

    config: Config
    env: Mapping[str, str]

    @property
    def phone_folder(self) -> Path:
        return self.config.data_dir / "phone"

    def web(self) -> Program:
        """HTTP and sockets. Its orphan signal is one that it passes on to its own processes."""
        config = self.config
        arguments = ["uvicorn", "gateway_site.asgi:application"]
        arguments += ["--host", config.host, "--port", str(config.port)]
        arguments += ["--workers", str(config.web_processes), "--lifespan", "on"]
        arguments += ["--no-access-log", "--log-level", "warning"]
        # Whose X-Forwarded-For counts is decided in one place, by TRUSTED_PROXY_COUNT.
        arguments += ["--no-proxy-headers", "--timeout-graceful-shutdown", "5"]
        arguments += ["--ws-per-message-deflate", "false", "--ws-max-size", "65536"]
        return self._python_module("web", arguments, orphan_signal=signal.SIGTERM)

    def worker(self) -> Program:
        """The Celery worker for all queues but one; in processes, so that time limits hold."""
        queues = ["-Q", "default,bulk", "--pool", "prefork", "--concurrency", "2"]
        return self._celery("worker", queues)

    def webhooks(self) -> Program:
        """The Celery worker that delivers webhooks; in threads, as it mostly waits for answers."""
        threads = self.env.get("WEBHOOK_THREADS") or "32"
        queue = ["-Q", "webhooks", "--pool", "threads", "--concurrency", threads]
        return self._celery("worker", [*queue, "--hostname", "webhooks@%h"], name="webhooks")

    def beat(self) -> Program:
        """The clock of the periodic sweepers."""
        schedule = str(self.config.data_dir / "beat-schedule")
        return self._celery("beat", ["--schedule", schedule, "--pidfile="])

    def phone(self) -> Program:
        """The simulated phone."""
        folder = str(self.phone_folder)
        return self._python_module(
            "phone", ["agent", "run", "--data-dir", folder, "--radio", "simulated"]
        )

    def pair_phone(self, code: str) -> Program:
        """One-off: pair the simulated phone with an 8-digit code; prints a JSON object."""
        arguments = ["agent", "pair", "--url", self.config.local_url, "--code", code]
        arguments += ["--name", PHONE_NAME, "--kind", "simulated"]
        arguments += ["--data-dir", str(self.phone_folder), "--json"]
        return self._python_module("pair", arguments)

    def manage(self, *arguments: str) -> Program:
        """One-off: a management command."""
        return self._python(arguments[0], ["manage.py", *arguments])

    def _celery(self, command: str, arguments: Sequence[str], *, name: str = "") -> Program:
        start = ["celery", "-A", "gateway_site", command, "--loglevel", "WARNING"]
        return self._python_module(name or command, [*start, *arguments])

    def _python_module(
        self,
        name: str,
        arguments: Sequence[str],
        orphan_signal: signal.Signals = signal.SIGKILL,
    ) -> Program:
        return self._python(name, ["-m", *arguments], orphan_signal)

    def _python(
        self,
        name: str,
        arguments: Sequence[str],
        orphan_signal: signal.Signals = signal.SIGKILL,
    ) -> Program:
        return Program(
            name=name,
            argv=[sys.executable, *arguments],
            env=self.env,
            cwd=BASE_DIR,
            orphan_signal=orphan_signal,
        )
