"""Tables of HTML for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def text_of(value: object) -> str:
    """A cell's text: floats with six digits."""
    if isinstance(value, float):
        return f"{value:.6g}"
    return "" if value is None else str(value)


def html_table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; names in it may come from files, and are escaped."""

    def line(cells: Iterable[object], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(text_of(c))}</{tag}>" for c in cells) + "</tr>"

    return (
        f"<table><thead>{line(head, 'th')}</thead><tbody>" + "".join(line(r, "td") for r in rows) + "</tbody></table>"
    )
