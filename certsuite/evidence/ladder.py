"""The ladder of a case: a sequence diagram of what crossed the wire, as a standalone SVG without script.

It is read beside text on a light or a dark page, printed, or opened alone. Rows that do not fit are left out in the
middle, and it says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from certsuite.core.observations import Observation
from certsuite.core.redaction import printable
from certsuite.evidence.ladder_rows import Row, ladder_rows, left_out, participants

MOST_ROWS = 150
_FIRST_ROWS = 110
"Of a ladder that is too long: its beginning says what was set up, its end how it went."

_LEFT = 132
_LANE = 210
_RIGHT = 210
_LEAST_WIDTH = 860
_HEAD = 74
_ARROW_ROW = 34
_NOTE_ROW = 24
_SIGN = 6.65
"Width of a sign of the widest of the labels' fonts in pixels; labels are cut to what fits."

_STYLE = """
.ladder{--bg:#fff;--fg:#1c2430;--dim:#667085;--line:#c9d0da;--band:#f3f5f8;--arrow:#2b6cb0;--good:#18794e;--bad:#c62a2f;
--media:#7c3aed;--action:#9a6700;--actionband:#fdf6e3;background:var(--bg)}
@media (prefers-color-scheme:dark){.ladder{--bg:#12161c;--fg:#e6eaf0;--dim:#97a3b4;--line:#38424f;--band:#1a2029;
--arrow:#6cb2f7;--good:#4cc38a;--bad:#ff7b72;--media:#b794f6;--action:#e3b341;--actionband:#26200f}}
@media print{.ladder{--bg:#fff;--fg:#000;--dim:#555;--line:#bbb;--band:#f3f5f8;--arrow:#2b6cb0;--good:#18794e;
--bad:#c62a2f;--media:#7c3aed;--action:#9a6700;--actionband:#fdf6e3}}
.ladder text{font:11px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:var(--fg)}
.ladder .label{paint-order:stroke;stroke:var(--bg);stroke-width:4px;stroke-linejoin:round}
.ladder .title{font:600 13px system-ui,sans-serif}
.ladder .who{font:600 12px system-ui,sans-serif;text-anchor:middle}
.ladder .time{fill:var(--dim);text-anchor:end}
.ladder .seq{fill:var(--dim);font-size:9.5px;text-anchor:end}
.ladder .box{fill:var(--band);stroke:var(--line)}
.ladder .life{stroke:var(--line);stroke-dasharray:3 4}
.ladder .band{fill:var(--band)}
.ladder .action .band{fill:var(--actionband)}
.ladder .wire{stroke:var(--arrow);stroke-width:1.4}
.ladder .tip{fill:var(--arrow)}
.ladder .quiet .wire{stroke:var(--dim);stroke-width:1}
.ladder .quiet .tip{fill:var(--dim)}
.ladder .quiet .label,.ladder .mark .label{fill:var(--dim)}
.ladder .good .wire{stroke:var(--good)}
.ladder .good .tip,.ladder .good .label{fill:var(--good)}
.ladder .bad .wire{stroke:var(--bad)}
.ladder .bad .tip,.ladder .bad .label{fill:var(--bad)}
.ladder .media .wire{stroke:var(--media)}
.ladder .media .tip,.ladder .media .label{fill:var(--media)}
.ladder .action .label{fill:var(--action)}
.ladder .diamond{fill:none;stroke:var(--dim)}
"""


@dataclass(frozen=True, slots=True)
class _Canvas:
    lanes: dict[str, float]
    width: float

    @property
    def first(self) -> float:
        return min(self.lanes.values())

    @property
    def last(self) -> float:
        return max(self.lanes.values())


def ladder_svg(observations: Sequence[Observation], *, title: str) -> str:
    """The ladder of these observations; times are relative to the first that is shown.

    Nothing of a device's strings is live in it: they are escaped, and cut where they would not fit.
    """
    every = ladder_rows(observations)
    rows, gap = _fit(every)
    names = participants(every)
    lanes = {name: float(_LEFT + 60 + place * _LANE) for place, name in enumerate(names)}
    canvas = _Canvas(lanes, max(max(lanes.values()) + _RIGHT, _LEAST_WIDTH))
    y = float(_HEAD)
    body: list[str] = []
    for row in rows:
        if row is gap:
            body.append(_note(canvas, y, row, show_time=False))
            y += _NOTE_ROW
        elif row.source:
            body.append(_arrow(canvas, y, row))
            y += _ARROW_ROW
        else:
            body.append(_note(canvas, y, row))
            y += _NOTE_ROW
    if not rows:
        body.append(_text(canvas.first, y + 16, "Nothing was seen.", "label"))
        y += _NOTE_ROW
    height = y + 16
    head = _head(canvas, printable(title), height)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" class="ladder" role="img" '
        f'viewBox="0 0 {_n(canvas.width)} {_n(height)}" width="{_n(canvas.width)}" height="{_n(height)}" '
        f"aria-label={quoteattr(_safe(title))}>"
        f"<title>{_xml(title)}</title><style>{_STYLE}</style>{head}{''.join(body)}</svg>\n"
    )


def _fit(rows: list[Row]) -> tuple[list[Row], Row | None]:
    """At most :data:`MOST_ROWS`, and the row that stands for what was left out."""
    if len(rows) <= MOST_ROWS:
        return rows, None
    last_rows = MOST_ROWS - _FIRST_ROWS - 1
    out = rows[_FIRST_ROWS:-last_rows]
    gap = Row(out[0].t, out[0].seq, left_out(out[0].seq, out[-1].seq), tone="quiet")
    return [*rows[:_FIRST_ROWS], gap, *rows[-last_rows:]], gap


def _head(canvas: _Canvas, title: str, height: float) -> str:
    parts = [_text(12, 20, title, "title")]
    for name, x in canvas.lanes.items():
        parts.append(f'<line class="life" x1="{_n(x)}" x2="{_n(x)}" y1="60" y2="{_n(height - 8)}"/>')
        parts.append(f'<rect class="box" x="{_n(x - 62)}" y="34" width="124" height="26" rx="6"/>')
        parts.append(_text(x, 51, name, "who", cut=17))
    return "".join(parts)


def _arrow(canvas: _Canvas, y: float, row: Row) -> str:
    start, end = canvas.lanes[row.source], canvas.lanes[row.target]
    wire = y + 24
    way = 1 if end > start else -1
    tip = f"{_n(end)},{_n(wire)} {_n(end - 7 * way)},{_n(wire - 3.5)} {_n(end - 7 * way)},{_n(wire + 3.5)}"
    x = min(start, end) + 10
    return (
        f'<g class="{row.tone}">{_when(y + 17, row)}'
        f'<line class="wire" x1="{_n(start)}" x2="{_n(end - 5 * way)}" y1="{_n(wire)}" y2="{_n(wire)}"/>'
        f'<polygon class="tip" points="{tip}"/>{_label(canvas, x, y + 17, row.text)}</g>'
    )


def _note(canvas: _Canvas, y: float, row: Row, *, show_time: bool = True) -> str:
    x = canvas.first + 10
    sign = ""
    if row.tone == "mark":
        middle = y + 12
        points = (
            f"{_n(x)},{_n(middle)} {_n(x + 4)},{_n(middle - 4)} {_n(x + 8)},{_n(middle)} {_n(x + 4)},{_n(middle + 4)}"
        )
        sign, x = f'<polygon class="diamond" points="{points}"/>', x + 14
    band = ""
    if row.tone in ("action", "bad"):
        width = canvas.width - canvas.first - 4
        band = f'<rect class="band" x="{_n(canvas.first)}" y="{_n(y + 2)}" width="{_n(width)}" height="20" rx="4"/>'
    time = _when(y + 16, row) if show_time else ""
    return f'<g class="{row.tone}">{band}{time}{sign}{_label(canvas, x, y + 16, row.text)}</g>'


def _when(y: float, row: Row) -> str:
    return _text(64, y, f"{row.t:.3f}", "time") + _text(112, y, f"#{row.seq}", "seq")


def _label(canvas: _Canvas, x: float, y: float, text: str) -> str:
    return _text(x, y, text, "label", cut=int((canvas.width - x - 8) / _SIGN))


def _text(x: float, y: float, text: str, style: str, *, cut: int | None = None) -> str:
    shown, whole = text, ""
    if cut is not None and len(text) > cut:
        shown, whole = text[: cut - 1] + "…", f"<title>{_xml(text)}</title>"
    return f'<text class="{style}" x="{_n(x)}" y="{_n(y)}">{whole}{_xml(shown)}</text>'


def _xml(text: str) -> str:
    return escape(_safe(text))


def _safe(text: str) -> str:
    return printable(text, at_most=400)


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
