from pathlib import Path

from gateway_site.embedded.logs import trim_logs


def test_large_log_is_kept_aside_while_its_writer_goes_on(tmp_path: Path):
    log = tmp_path / "web.log"
    with log.open("ab", buffering=0) as writer:
        for line in (b"first\n", b"second\n", b"third\n"):
            writer.write(line)
            trim_logs(tmp_path, largest_bytes=10)
    assert log.read_bytes() == b"third\n"
    assert (tmp_path / "web.log.1").read_bytes() == b"first\nsecond\n"
