"""How a conclusion about a TLS client looks on a terminal."""

from __future__ import annotations

from collections.abc import Mapping

from certsuite.checks.tls_client import Ruling

STYLES: Mapping[Ruling, str] = {
    Ruling.PASS: "green",
    Ruling.FAIL: "bold red",
    Ruling.WARN: "yellow",
    Ruling.INCONCLUSIVE: "magenta",
    Ruling.RECORDED: "cyan",
    Ruling.NOT_JUDGED: "dim",
}
