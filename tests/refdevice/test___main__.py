"""The command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from certsuite.refdevice.__main__ import main
from certsuite.refdevice.faults import FAULTS


def test_an_unknown_fault_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path), "--fault", "no-such"]) == 4
    error = capsys.readouterr().err
    assert all(name in error for name in FAULTS)


def test_a_missing_configuration_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config", str(tmp_path)]) == 4
    assert main([]) == 4
    assert "phone.toml" in capsys.readouterr().err


def test_roots_that_cannot_be_read_are_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "phone.toml").write_text(
        'boot_s = 0.0\naddress = "127.0.0.1"\noutbound_proxy = "p"\nresolver = "127.0.0.1:9"\n'
        'trusted_roots = "none.pem"\n[[lines]]\nuser = "u"\ndomain = "d"\nauth_user = "a"\npassword = "p"\n'
    )
    assert main(["--config", str(tmp_path)]) == 4
    assert "trusted roots" in capsys.readouterr().err


def test_the_faults_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--faults"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(FAULTS)
