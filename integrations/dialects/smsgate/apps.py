from django.apps import AppConfig


class SmsGateApiConfig(AppConfig):
    name = "integrations.dialects.smsgate"
    label = "smsgate_api"
    verbose_name = "SMSGate API"
