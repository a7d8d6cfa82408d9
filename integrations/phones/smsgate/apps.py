from django.apps import AppConfig


class SmsgateConfig(AppConfig):
    name = "integrations.phones.smsgate"
    label = "smsgate"
    verbose_name = "SMSGate phones"
