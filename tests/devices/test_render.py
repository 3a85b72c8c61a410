"""Rendering in the sandbox, in the process and by itself."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certsuite.devices.render import TemplateProblem, one_line, rendered, toml_string, xml_text

Write = Callable[[str, str], Path]
PRINTABLE = st.text(st.characters(exclude_categories=["Cs", "Cc"]))
# TOML and JSON know no lone surrogates; every other character must come back.
ANY = st.text(st.characters(exclude_categories=["Cs"]))


@given(ANY)
def test_toml_gives_back_what_it_was_given(text: str) -> None:
    assert tomllib.loads(f"password = {toml_string(text)}")["password"] == text


@given(PRINTABLE)
def test_xml_gives_back_what_it_was_given(text: str) -> None:
    if any(sign in "\ufffe\uffff" for sign in text):
        return  # no characters of XML 1.0
    root = ElementTree.fromstring(f'<p a="{xml_text(text)}">{xml_text(text)}</p>')
    assert (root.text or "") == text
    assert ElementTree.fromstring(f"<p a='{xml_text(text)}'/>").get("a") == text


def test_one_line_refuses_a_second() -> None:
    assert one_line("a b;c") == "a b;c"
    with pytest.raises(ValueError, match="control sign"):
        one_line("a\nb")


def problem_of(root: Path) -> TemplateProblem:
    with pytest.raises(TemplateProblem) as caught:
        rendered(root, [{"lines": []}], 1000)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a\n{{ nope }}\n", 2, "'nope' is undefined"),
        ("a\n\n{{ lines[0].user }}\n", 3, "no element 0"),
        ("a\n{% if %}\n", 2, "Expected an expression"),
        ("{% for a in lines %}\n", 1, "endfor"),
        ("a\n{{ ''.__class__.__mro__ }}\n", 2, "unsafe"),
        ("a\n{{ lines.append(1) or ''.__class__ }}\n", 2, "unsafe"),
        ("a\n{{ 1 // 0 }}\n", 2, "by zero"),
        ("a\n{{ 'x' | nope }}\n", 2, "No filter named 'nope'"),
        ('a\n{% include "gone.j2" %}\n', 2, "no template 'gone.j2'"),
        ('a\n{% include "../secret.j2" %}\n', 2, "no template '../secret.j2'"),
        ('a\n{% include "/etc/passwd" %}\n', 2, "no template '/etc/passwd'"),
        ('a\n{% include "link.j2" %}\n', 2, "no template 'link.j2'"),
        ("{{ 'x' * 2000 }}", None, "more text"),
        ('{% include "a.cfg.j2" %}', None, "without end"),
        ("{{ 'a\\nb' | one_line }}", 1, "control sign"),
    ],
)
def test_what_a_template_may_not_do(write: Write, search: Path, text: str, line: int | None, says: str) -> None:
    write("secret.j2", "secret")
    write("t/a.cfg.j2", text)
    (search / "t" / "link.j2").symlink_to(search / "secret.j2")
    problem = problem_of(search / "t")
    assert says in problem.problem
    assert (problem.template, problem.line) == ("a.cfg.j2", line)


def test_a_mistake_in_an_included_template_is_told_there(write: Write, search: Path) -> None:
    write("t/a.cfg.j2", '\n{% include "_part.j2" %}\n')
    write("t/_part.j2", "\n\n{{ nope }}\n")
    problem = problem_of(search / "t")
    assert (problem.template, problem.line) == ("_part.j2", 3)


def test_names_are_templates_and_parts_are_not_rendered(write: Write, search: Path) -> None:
    write("t/{{ mac }}.cfg.j2", "{% include '_part.j2' %}{% if mac %}\nyes\n{% endif %}\n")
    write("t/_part.j2", "part of {{ mac }}\n")
    (made,) = rendered(search / "t", [{"mac": "0011"}, {"mac": "0022"}], 1000)
    assert made["names"] == ["0011.cfg", "0022.cfg"]
    assert made["texts"] == ["part of 0011\nyes\n", "part of 0022\nyes\n"]
    assert json.dumps(made)
