"""Measures the gateway against floors, in one run on one machine: `make bench`, README.md."""
