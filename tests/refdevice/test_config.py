"""Reading phone.toml."""

from __future__ import annotations

from pathlib import Path

import pytest

from certsuite.refdevice.config import ConfigError, keep, load

_GOOD = """
resolver = "127.0.0.1:5300"
address = "127.0.0.2"
outbound_proxy = "hs17.lab.example"
trusted_roots = "bundle.pem"
[[lines]]
user = "u"
domain = "d.invalid"
auth_user = "a"
password = 'p"%&'
"""


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    (tmp_path / "phone.toml").write_text(_GOOD)
    config = load(tmp_path)
    assert config.resolver == ("127.0.0.1", 5300)
    assert (config.trusted_roots, config.shipped_roots) == (tmp_path / "bundle.pem", None)
    assert (config.expires, config.retry_s, config.boot_s) == (240, 1.0, 0.1)
    assert config.lines[0].aor == "sip:u@d.invalid"
    assert config.lines[0].password == 'p"%&'
    assert config.lines[0].password not in repr(config)
    assert (config.message_waiting, config.monitored) == (False, ())


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('address = "127.0.0.2"', "", "address: is missing"),
        ('auth_user = "a"', "auth_user = 3", r"lines\[0\]: auth_user: one line of text"),
        (":5300", ":nine", "resolver: address:port"),
        ("resolver", "retry_s = -1\nresolver", "retry_s: a number"),
        ("[[lines]]", "[lines]", "lines: at least one"),
        ("resolver", "message_waiting = 1\nresolver", "message_waiting: true or false"),
        ("resolver", 'monitored = ["a", 2]\nresolver', "monitored: a list of texts"),
        ("resolver", "= 3", "Invalid statement"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    (tmp_path / "phone.toml").write_text(_GOOD.replace(old, new))
    with pytest.raises(ConfigError, match=problem):
        load(tmp_path)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"phone\.toml"):
        load(tmp_path)


_SERVER = """
[server]
url = "https://dms.lab.example/x"
user = "u"
password = "p"
"""


def test_what_was_fetched_counts_before_what_was_given(tmp_path: Path) -> None:
    (tmp_path / "phone.toml").write_text(_GOOD + _SERVER)
    assert load(tmp_path).expires == 240
    keep(tmp_path, b"expires = 300\n" + _GOOD.encode())
    config = load(tmp_path)
    assert config.expires == 300
    assert config.server is not None
    assert (config.server.url, config.server.user) == ("https://dms.lab.example/x", "u")
    assert "password='p'" not in repr(config)
    assert (tmp_path / "fetched.toml").stat().st_mode & 0o777 == 0o600


def test_without_a_server_nothing_was_fetched(tmp_path: Path) -> None:
    (tmp_path / "phone.toml").write_text(_GOOD)
    (tmp_path / "fetched.toml").write_text("expires = 300\n" + _GOOD)
    assert load(tmp_path).expires == 240


def test_what_is_no_configuration_does_not_replace_one(tmp_path: Path) -> None:
    (tmp_path / "phone.toml").write_text(_GOOD + _SERVER)
    keep(tmp_path, b"expires = 300\n" + _GOOD.encode())
    with pytest.raises(ConfigError):
        keep(tmp_path, b"expires = 360\n")
    assert load(tmp_path).expires == 300
