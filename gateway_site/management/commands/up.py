"""``manage.py up``: the whole gateway on this machine, until Ctrl-C."""

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from gateway_site.embedded.config import Config
from gateway_site.embedded.errors import StartError
from gateway_site.embedded.startup import run_until_stopped


class Command(BaseCommand):
    """Starts private servers, web, worker, beat and a demo phone; see ``gateway_site.embedded``."""

    help = "Run the whole gateway: private PostgreSQL and Redis, web, worker, beat, a demo phone."
    # What needs the database runs in children; here there is none to check.
    requires_system_checks = []

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run_until_stopped(Config.from_environ(os.environ), self._say)
        except StartError as error:
            raise CommandError(str(error)) from error

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
