import os
from pathlib import Path

import pytest

from gateway_site.embedded.errors import StartError
from gateway_site.embedded.lock import locked_data_dir


def test_data_folder_in_use_is_refused_naming_the_process(tmp_path: Path):
    with (
        locked_data_dir(tmp_path),
        pytest.raises(StartError, match=f"is in use by process {os.getpid()}: "),
        locked_data_dir(tmp_path),
    ):
        pass


def test_data_folder_is_free_again_after_use(tmp_path: Path):
    for _ in range(2):
        with locked_data_dir(tmp_path / "made"):
            assert (tmp_path / "made" / "up.lock").read_text() == str(os.getpid())


def test_data_folder_that_cannot_be_written_is_told_in_one_sentence(tmp_path: Path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(StartError, match="cannot be written .*: set DATA_DIR"),
        locked_data_dir(tmp_path / "file" / "data"),
    ):
        pass
