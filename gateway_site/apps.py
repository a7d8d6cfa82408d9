from django.apps import AppConfig
from django.contrib.admin import apps as admin


class GatewaySiteConfig(AppConfig):
    name = "gateway_site"
    verbose_name = "Gateway"

    def ready(self) -> None:
        from accounts.api import openapi  # noqa: F401, PLC0415 - registers itself with spectacular
        from gateway_site import (  # noqa: PLC0415 - tasks need the Celery application in any process
            celery,  # noqa: F401
            checks,  # noqa: F401 - registers itself with Django
        )


class StaffSiteConfig(admin.AdminConfig):
    """Django's admin, entered through the gateway's own login."""

    default = False  # of this folder, GatewaySiteConfig is
    default_site = "gateway_site.staff_site.StaffSite"
