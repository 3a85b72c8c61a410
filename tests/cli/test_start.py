from __future__ import annotations

import gc

import pytest

from certsuite import __version__
from certsuite.cli.start import main


def test_garbage_is_looked_for_again_once_the_program_is_there(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["certsuite", "--version"])
    frozen = gc.get_freeze_count()
    try:
        with pytest.raises(SystemExit) as ended:
            main()
        assert gc.isenabled()
        assert gc.get_freeze_count() > frozen
    finally:
        gc.unfreeze()
    assert not ended.value.code
    assert capsys.readouterr().out == f"certsuite {__version__}\n"
