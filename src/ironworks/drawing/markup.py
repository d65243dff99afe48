"""HTML and SVG that is escaped by construction: only what these functions made stands in a page as it is."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from html import escape

_VOID = ("meta", "br", "hr")


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()

    def __html__(self) -> str:
        """By which templates know that it is escaped."""
        return self


def element(tag: str, /, *children: str, **attributes: str | float | None) -> Html:
    """An element. Children that are not `Html` are escaped; an attribute that is None is left out.

    Attributes are written as Python can: `class_="x"`, `aria_label="y"`.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    inner = "".join(child if isinstance(child, Html) else escape(child) for child in children)
    return Html(f"<{tag}{written}>" + ("" if tag in _VOID else f"{inner}</{tag}>"))


def join(parts: Iterable[str], between: str = "") -> Html:
    """`parts` one after another."""
    return Html(escape(between).join(part if isinstance(part, Html) else escape(part) for part in parts))


def table(
    caption: str,
    columns: Sequence[str],
    groups: Sequence[Sequence[Sequence[str]]],
    numeric: Collection[int] = (),
) -> Html:
    """A table that scrolls sideways where it is too wide; the first cell of a row is its heading.

    The rows of a group share their first cell, which is taken from the first of them. `numeric` are the columns
    that are aligned to the right.
    """
    head = join(
        element("th", name, scope="col", class_=_kind(at, numeric)) for at, name in enumerate(columns)
    )
    whole = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", head)),
        *(_group(rows, numeric) for rows in groups),
    )
    return scrolling(whole, caption)


def _group(rows: Sequence[Sequence[str]], numeric: Collection[int]) -> Html:
    several = len(rows) if len(rows) > 1 else None
    first = element("th", rows[0][0], scope="rowgroup" if several else "row", rowspan=several)
    lines = []
    for number, row in enumerate(rows):
        cells = [element("td", cell, class_=_kind(at, numeric)) for at, cell in enumerate(row[1:], 1)]
        lines.append(element("tr", *([] if number else [first]), *cells))
    return element("tbody", *lines)


def _kind(column: int, numeric: Collection[int]) -> str | None:
    return "number" if column in numeric else None


def scrolling(content: str, label: str, class_: str = "scroll") -> Html:
    """A part of the page that scrolls by itself, also from the keyboard."""
    return element("div", content, class_=class_, tabindex="0", role="region", aria_label=label)


def facts(pairs: Iterable[tuple[str, str]]) -> Html:
    """Names and values; those without a value are left out."""
    return element(
        "dl",
        *(element("div", element("dt", name), element("dd", value)) for name, value in pairs if value),
    )


def _number(value: str | float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)
