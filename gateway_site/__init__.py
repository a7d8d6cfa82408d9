"""Composition: settings, paths, processes."""
