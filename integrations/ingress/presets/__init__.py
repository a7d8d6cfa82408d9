"""The products whose payloads are understood without naming a path."""

from integrations.ingress.presets.dynamics import DYNAMICS
from integrations.ingress.presets.generic import GENERIC
from integrations.ingress.presets.netsuite import NETSUITE
from integrations.ingress.presets.odoo import ODOO
from integrations.ingress.presets.preset import Preset
from integrations.ingress.presets.salesforce import SALESFORCE
from integrations.ingress.presets.zoho import ZOHO

PRESETS: dict[str, Preset] = {
    preset.slug: preset for preset in (GENERIC, ZOHO, SALESFORCE, DYNAMICS, ODOO, NETSUITE)
}

__all__ = ["PRESETS", "Preset"]
