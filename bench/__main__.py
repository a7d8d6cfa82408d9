"""`python -m bench`, between the start and the stop of private servers (see Makefile)."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gateway_site.settings")
django.setup()

from bench.cli import main  # noqa: E402 - needs set-up Django

sys.exit(main(sys.argv[1:]))
