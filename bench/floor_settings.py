"""Floor B: the product's own settings, but for the paths and the table."""

from gateway_site.settings import *  # noqa: F403 - this is how Django settings are extended
from gateway_site.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "bench"]
ROOT_URLCONF = "bench.floor_urls"
