"""Renders a device's templates, in a process of its own that is held to time and memory limits.

Templates are untrusted: they run in Jinja2's sandbox, read nothing outside of their folder, and a loop without end or
a text without bounds ends this process and not the suite. It is run as a script, so that it starts in the time that
Jinja2 takes to be imported; it knows nothing else of the suite.

Request on standard input and answer on standard output are JSON::

    {"root": "/folder", "contexts": [{...}, {...}], "limits": {"cpu_s": 2, "memory": 1, "output": 1}}
    {"files": [{"template": "a.cfg.j2", "names": ["a.cfg", "a.cfg"], "texts": ["...", "..."]}]}
    {"error": {"problem": "...", "template": "a.cfg.j2", "line": 3}}

Every template whose name ends in ``.j2`` is rendered with each context; one that begins with ``_`` is only for others
to include. Its own name, without the ending, is a template too.
"""

from __future__ import annotations

import json
import resource
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import SandboxedEnvironment

_TEMPLATE_AT_MOST = 1_000_000
_SUFFIX = ".j2"


class TemplateProblem(Exception):
    """What is wrong with a template, and on which line of it."""

    def __init__(self, problem: str, template: str, line: int | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.template = template
        self.line = line


class FolderLoader(BaseLoader):
    """Loads templates from one folder, and from nowhere that its links or names lead to."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def get_source(self, environment: Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        file = self.inside(template)
        if file is None or not file.is_file():
            raise TemplateNotFound(template)
        if file.stat().st_size > _TEMPLATE_AT_MOST:
            raise TemplateProblem(f"is larger than {_TEMPLATE_AT_MOST} bytes", template)
        try:
            return file.read_text("utf-8"), template, lambda: True
        except UnicodeDecodeError as error:
            raise TemplateProblem("is not UTF-8 text", template) from error

    def inside(self, template: str) -> Path | None:
        """The file behind a name, or None if it lies outside of the folder."""
        file = (self._root / template).resolve()
        return file if file.is_relative_to(self._root) else None

    def list_templates(self) -> list[str]:
        files = [file for file in self._root.rglob(f"*{_SUFFIX}") if file.is_file()]
        return sorted(file.relative_to(self._root).as_posix() for file in files)


def toml_string(text: object) -> str:
    """``text`` as a TOML basic string, with its quotes."""
    return json.dumps(str(text), ensure_ascii=False).replace("\x7f", "\\u007f")


def xml_text(text: object) -> str:
    """``text`` for an XML element or attribute."""
    signs = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
    return "".join(signs.get(sign, sign) for sign in str(text))


def one_line(text: object) -> str:
    """``text`` as it is; an error if it has a control sign, which would end its line."""
    value = str(text)
    if any(sign < " " or sign == "\x7f" for sign in value):
        raise ValueError("a value that must stay on one line has a control sign in it")
    return value


def environment_of(root: Path) -> SandboxedEnvironment:
    """The sandbox in which the templates of a folder run; an undefined name is an error."""
    environment = SandboxedEnvironment(
        loader=FolderLoader(root),
        undefined=StrictUndefined,
        autoescape=False,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update({"toml": toml_string, "xml": xml_text, "one_line": one_line})
    return environment


def rendered(root: Path, contexts: list[dict[str, Any]], output_at_most: int) -> list[dict[str, Any]]:
    """All templates of a folder, each rendered with every context. Raises :class:`TemplateProblem`."""
    environment = environment_of(root)
    files = []
    left = output_at_most * len(contexts)
    for template in environment.list_templates():
        if template.rsplit("/", 1)[-1].startswith("_"):
            continue
        names = []
        texts = []
        for context in contexts:
            text = _text_of(environment, template, context, left)
            left -= len(text)
            texts.append(text)
            names.append(_name_of(environment, template, context))
        files.append({"template": template, "names": names, "texts": texts})
    return files


def _text_of(environment: SandboxedEnvironment, template: str, context: dict[str, Any], at_most: int) -> str:
    parts = []
    try:
        for part in environment.get_template(template).generate(context):
            at_most -= len(part)
            if at_most < 0:
                raise TemplateProblem("makes more text than a configuration may have", template)
            parts.append(part)
    except TemplateSyntaxError as error:
        raise TemplateProblem(str(error.message), error.name or template, error.lineno) from error
    except TemplateNotFound as error:
        line = _line_in(error, template)
        raise TemplateProblem(f"there is no template {error.name!r} in the folder", template, line) from error
    except (TemplateError, SecurityError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        place = _deepest(error, environment, template)
        raise TemplateProblem(str(error) or type(error).__name__, *place) from error
    except RecursionError as error:
        raise TemplateProblem("includes or calls itself without end", template) from error
    return "".join(parts)


def _name_of(environment: SandboxedEnvironment, template: str, context: dict[str, Any]) -> str:
    try:
        return environment.from_string(template.removesuffix(_SUFFIX)).render(context)
    except (TemplateError, ArithmeticError, LookupError, TypeError, ValueError, AttributeError) as error:
        raise TemplateProblem(f"the file's name cannot be made: {error}", template) from error


def _deepest(error: BaseException, environment: SandboxedEnvironment, template: str) -> tuple[str, int | None]:
    """The template and line that an error came from; Jinja2 rewrites tracebacks to the templates' own lines."""
    known = set(environment.list_templates())
    place: tuple[str, int | None] = (template, None)
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename in known:
            place = (frame.filename, frame.lineno)
    return place


def _line_in(error: BaseException, template: str) -> int | None:
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == template]
    return lines[-1] if lines else None


def main() -> int:
    """Answer the one request on standard input."""
    request = json.load(sys.stdin)
    limits = request["limits"]
    resource.setrlimit(resource.RLIMIT_CPU, (limits["cpu_s"], limits["cpu_s"] + 1))
    resource.setrlimit(resource.RLIMIT_AS, (limits["memory"], limits["memory"]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer: dict[str, Any]
    try:
        answer = {"files": rendered(Path(request["root"]), request["contexts"], limits["output"])}
    except TemplateProblem as problem:
        answer = {"error": {"problem": problem.problem, "template": problem.template, "line": problem.line}}
    except MemoryError:
        answer = {"error": {"problem": "needs more memory than a template may", "template": "", "line": None}}
    json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
