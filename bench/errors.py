"""What ends a bench."""


class BenchError(Exception):
    """The figures would mean nothing. The text says what came instead of what was expected."""
