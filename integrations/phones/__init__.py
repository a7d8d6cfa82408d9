"""Imitated servers for published phone apps: one folder for each app."""
