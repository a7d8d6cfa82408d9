"""What each preset is for, in the words of whoever chooses one."""

PURPOSES = {
    "generic": "Your own program, a cron job, a shop or any tool that can post JSON or a form.",
    "zoho": "A workflow rule of Zoho CRM texts leads and contacts.",
    "salesforce": "A flow's HTTP callout, or Apex, texts contacts and case owners.",
    "dynamics": "A Dataverse webhook or a Power Automate flow texts the people in your rows.",
    "odoo": "An automation rule of Odoo 17 or later texts customers of orders and tickets.",
    "netsuite": "A SuiteScript that posts records texts about orders and invoices.",
}
