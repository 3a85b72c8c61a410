"""index.html: what must be fixed stands first, and nothing in it is live or comes from elsewhere."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from certsuite.core.verdicts import Verdict
from certsuite.report.html import index_html, requirement_rows
from certsuite.report.writer import make_ladders

if TYPE_CHECKING:
    from tests.report.conftest import Run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Page(HTMLParser):
    """What a browser would find: elements, attributes, anchors."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def all(self, name: str) -> list[str]:
        return [value for attribute, value in self.attributes if attribute == name]


def page_of(run: Run) -> str:
    return index_html(run.result, make_ladders(run.result, run.record), run.titles).decode("utf-8")


def test_what_to_fix_stands_first(run: Run) -> None:
    page = page_of(run)
    order = ["Not qualified", "What to fix", "Failures of the suite", "Not decided", "Worth attention", "Other cases"]
    # The table of contents names them as well: from the first heading on.
    body = page[: page.index("<nav")] + page[page.index("<main>") :]
    places = [body.index(text) for text in order]
    assert places == sorted(places)
    assert body.index("What to fix") < body.index('id="case-WXC-TLS-040"') < body.index("Failures of the suite")
    assert "Switch on verification" in page
    assert "docs/findings/tls-accepted-unknown-root.md" in page
    assert "Cisco&#39;s, Webex&#39;s or a standard&#39;s own text says so." in page


def test_every_case_stands_once_and_every_link_leads_somewhere(run: Run) -> None:
    page = Page(page_of(run))
    ids = page.all("id")
    assert len(ids) == len(set(ids))
    assert sum(name.startswith("case-") for name in ids) == len(run.result.cases)
    for link in page.all("href"):
        assert link.removeprefix("#") in ids if link.startswith("#") else not re.match("[a-z]+:|/", link)


def test_requirements_have_the_worst_verdict_of_their_cases(run: Run) -> None:
    first, second = run.result.cases[:2]
    cases = (first, replace(second, requirements=(replace(first.requirements[0], verdict=Verdict.FAIL),)))
    (row,) = requirement_rows(replace(run.result, cases=cases), run.titles)
    assert (row.id, row.title, row.verdict) == ("TLS-1.2", "TLS 1.2 is supported", Verdict.FAIL)
    assert [case.id for case in row.cases] == ["WXC-TLS-010", "WXC-TLS-040"]


def test_what_was_not_judged_is_named(run: Run) -> None:
    result = replace(run.result, planned=(*run.result.planned, ("WXC-TLS-990", "ecdsa")), complete=False)
    page = page_of(replace(run, result=result))
    assert "WXC-TLS-990[ecdsa]" in page
    assert "the run did not come to its end" in page


def test_a_run_of_nothing_has_a_page(run: Run) -> None:
    page = page_of(run.with_cases())
    assert "No case could be judged" in page


def test_hostile_strings_are_text(hostile_run: Run) -> None:
    written = page_of(hostile_run)
    page = Page(written)
    assert not {"script", "img", "iframe", "object", "embed", "link", "form", "base"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert "49" not in re.findall(r"\{\{7\*7\}\}|49", "".join(page.text))
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", written)
    assert "default-src 'none'" in "".join(page.all("content"))
    assert len(written) < 200_000


def dom_of(page: str, folder: Path) -> str:
    """The document as Chromium has it after it ran whatever is live in it."""
    assert CHROMIUM is not None
    path = folder / "page.html"
    path.write_text(page, "utf-8")
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    command += [f"--user-data-dir={folder / 'browser'}", "--dump-dom", path.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_a_browser_runs_nothing_of_it(hostile_run: Run, tmp_path: Path) -> None:
    page = page_of(hostile_run)
    # Without the policy, the escaping alone must hold; the last script shows that the browser does run scripts.
    open_page = re.sub('<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    assert open_page != page
    proof = "<script>document.body.dataset.ran = document.title</script></body>"
    dom = dom_of(open_page.replace("</body>", proof), tmp_path)
    assert re.search('data-ran="Not qualified', dom)
    assert dom.count("<svg") == 3
    assert "<img" not in dom


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
def test_the_policy_of_the_page_holds_in_a_browser(run: Run, tmp_path: Path) -> None:
    dom = dom_of(page_of(run).replace("</body>", "<script>document.title = 'pwned'</script></body>"), tmp_path)
    assert "<title>Not qualified: Acme T1</title>" in dom


def test_what_a_person_settled_stands_apart_with_its_evidence(reviewed_run: Run) -> None:
    page = index_html(reviewed_run.result, {}, reviewed_run.titles).decode()
    part = page[page.index(">Settled by a person</h2>") : page.index('id="requirements"')]
    assert "WXC-CALL-090" in part
    assert '<span class="tag person">settled by a person</span>' in part
    assert "settled as pass by A. &lt;b&gt;Person" in part
    assert '<a href="evidence/reviews/0123456789abcdef.jpg">' in part
    assert "0123456789abcdef" * 4 in part
    assert "WXC-CALL-090" not in page[page.index('id="cases"') :]
