"""Settings of configuration files, with their lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.devices.config_settings import Format, NotWellFormed, Setting, read_settings


def test_lines() -> None:
    text = "#!version\n\na.b = 1 = 2 \n[ Part ]\nNAME = 'quoted'\nTable 0 = \"x\", 2;\n; c = d\nempty =\n=x\n"
    assert read_settings(text.encode(), "lines") == (
        Setting("a.b", "1 = 2", 3),
        Setting("NAME", "quoted", 5),
        Setting("Table 0", '"x", 2;', 6),
        Setting("empty", "", 8),
    )


def test_xml() -> None:
    text = (
        "<?xml version='1.0'?>\n<a>\n  <b idx='1'>x &amp; y</b>\n  <c\n    reg.1.port='' d='a\n'/>\n  <e></e>\n</a>\n"
    )
    assert read_settings(text.encode(), "xml") == (
        Setting("idx", "1", 3),
        Setting("b", "x & y", 3),
        Setting("reg.1.port", "", 5),
        Setting("d", "a ", 5),
    )


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("<a>\n<b>x & y</b></a>", 2),
        ("<a>\n<b>x</c></a>", 2),
        ("", 1),
        ("not xml", 1),
        ('<!DOCTYPE a [<!ENTITY x "y">]>\n<a>&x;</a>', 1),
        ("<a>\n&x;</a>", 2),
    ],
)
def test_what_is_not_well_formed(text: str, line: int) -> None:
    with pytest.raises(NotWellFormed) as caught:
        read_settings(text.encode(), "xml")
    assert caught.value.line == line
    assert caught.value.problem


@given(st.binary(max_size=300), st.sampled_from(["lines", "xml"]))
def test_anything_is_read_or_refused(content: bytes, form: Format) -> None:
    try:
        settings = read_settings(content, form)
    except NotWellFormed:
        assert form == "xml"
        return
    assert all(1 <= setting.line <= content.count(b"\n") + 1 for setting in settings)
