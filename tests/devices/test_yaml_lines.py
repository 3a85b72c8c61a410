"""Lines of a YAML file, and the mistakes that YAML itself has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from certsuite.core.errors import ProfileError
from certsuite.devices.yaml_lines import Place, ProfileErrors, dotted, load_json, load_yaml

Write = Callable[[str, str], Path]


def test_keeps_the_line_of_every_value(write: Write) -> None:
    placed = load_yaml(
        write(
            "a.yaml",
            """\
            top: 1
            part:
              inner: [a,
                      b]
              steps:
                - send: x
                - {expect: y}
            """,
        )
    )
    assert placed.data == {"top": 1, "part": {"inner": ["a", "b"], "steps": [{"send": "x"}, {"expect": "y"}]}}
    lines = {dotted(path): place.line for path, place in placed.places.items()}
    assert lines["top"] == 1
    assert lines["part"] == 2
    assert lines["part.inner"] == 3
    assert lines["part.inner[1]"] == 4
    assert lines["part.steps[0].send"] == 6
    assert lines["part.steps[1].expect"] == 7


def test_a_missing_field_is_placed_where_it_should_have_been(write: Write) -> None:
    placed = load_yaml(write("a.yaml", "a: 1\npart:\n  b: 2\n"))
    assert placed.place(("part", "missing", 3)).line == 2
    assert placed.place(("other",)).line == 1


def test_all_duplicate_keys_are_told(write: Write) -> None:
    file = write("a.yaml", "a: 1\nb: {x: 1, x: 2}\na: 3\n")
    with pytest.raises(ProfileErrors) as caught:
        load_yaml(file)
    assert [(error.line, error.field) for error in caught.value] == [(2, "b.x"), (3, "a")]
    assert str(caught.value).splitlines()[1] == f"{file}:3: a: is there twice; first on line 1"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("a: 1\nb: [1,\nc: 2\n", 4, "begins on line 2"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("a: 1\nb: \x07\n", 2, "not valid YAML"),
        ("a: 1\nb: !!python/object:os.system x\n", 2, "not valid YAML"),
        ("a: &x 1\nb: *x\n", 2, "the alias *x"),
        ("a: 1\n2: 3\n", 2, "not text"),
        ("- a\n- b\n", 1, "must be a mapping"),
        ("a: 1\nb: 2020-99-99\n", 2, "not a value that YAML knows"),
        ("a: 1\n---\nb: 2\n", 2, "not valid YAML"),
        ("", 1, "is empty"),
        ("a: " + "[" * 60 + "]" * 60, 1, "nested too deeply"),
    ],
)
def test_broken_yaml_is_told_with_its_line(write: Write, text: str, line: int, says: str) -> None:
    file = write("a.yaml", text)
    with pytest.raises(ProfileError) as caught:
        load_yaml(file)
    assert caught.value.line == line
    assert says in str(caught.value)
    assert str(caught.value).startswith(f"{file}:{line}: ")


def test_files_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"a: 1\nb: \xff\xfe\n")
    with pytest.raises(ProfileError, match=r"binary.yaml:2: is not UTF-8"):
        load_yaml(tmp_path / "binary.yaml")
    (tmp_path / "huge.yaml").write_bytes(b"#" * 1_000_001)
    with pytest.raises(ProfileError, match="larger than"):
        load_yaml(tmp_path / "huge.yaml")
    with pytest.raises(ProfileError, match="cannot be read"):
        load_yaml(tmp_path)


def test_merging_keeps_the_place_of_each_value(write: Write) -> None:
    base = load_yaml(write("base.yaml", "a: {x: 1, y: [1, 2, 3]}\nb: 2\n"))
    over = load_yaml(write("over.yaml", "# changes\na:\n  y: [9]\n"))
    merged = over.merged_over(base)
    assert merged.data == {"a": {"x": 1, "y": [9]}, "b": 2}
    assert Path(merged.place(("a", "x")).file).name == "base.yaml"
    assert Path(merged.place(("a", "y", 0)).file).name == "over.yaml"
    assert ("a", "y", 1) not in merged.places
    assert base.data["a"]["y"] == [1, 2, 3]


def test_json_has_lines_and_its_own_values(tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text('{\n\t"a":\t{"b": ["x", "\\ud83d\\ude00"]},\n\t"on": true\n}\n', encoding="utf-8")
    placed = load_json(file, shown_as="a.json")
    assert placed.data == {"a": {"b": ["x", "\U0001f600"]}, "on": True}
    assert placed.place(("a", "b", 1)) == Place("a.json", 2)
    assert placed.place(("on",)) == Place("a.json", 3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{\n'a': 1}", "a.json:2: not valid JSON"),
        ("[]", "must be an object"),
        ('{"a": 1,\n "a": 2}', "a.json:2: a: is there twice"),
        ('{"a": ' + "[" * 100_000 + "}", "a.json"),
    ],
)
def test_what_is_no_json(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(ProfileError) as caught:
        load_json(file, shown_as="a.json")
    assert says in str(caught.value)
