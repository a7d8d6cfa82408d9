from django.apps import AppConfig


class IngressConfig(AppConfig):
    name = "integrations.ingress"
    label = "ingress"
    verbose_name = "Ingress"
