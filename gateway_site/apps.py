from django.apps import AppConfig


class GatewaySiteConfig(AppConfig):
    name = "gateway_site"
    verbose_name = "Gateway"

    def ready(self) -> None:
        from accounts.api import openapi  # noqa: F401, PLC0415 - registers itself with spectacular
        from gateway_site import (  # noqa: PLC0415 - tasks need the Celery application in any process
            celery,  # noqa: F401
            checks,  # noqa: F401 - registers itself with Django
        )
