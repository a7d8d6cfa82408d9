"""The direction of imports is part of the design (.importlinter)."""

from importlinter.cli import lint_imports


def test_imports_keep_the_contracts():
    assert lint_imports(no_logo=True) == 0
