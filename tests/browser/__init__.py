"""The dashboard as people see it: a real browser on a gateway started with `manage.py up`."""
