"""Formulas as MathML: drawn by the browser itself, so that a page needs no script and no font for them."""

from __future__ import annotations

from typing import Any

from docutils.nodes import SkipNode
from latex2mathml.converter import convert


def setup(app: Any) -> dict[str, Any]:
    """Register the renderer "mathml" with Sphinx."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def mathml(latex: str, *, block: bool = False) -> str:
    """A LaTeX formula as a MathML element, with the LaTeX as its annotation for whoever copies it.

    Raises
    ------
    ValueError
        If the formula cannot be read.
    """
    try:
        return convert(latex.strip(), display="block" if block else "inline")
    except Exception as error:
        raise ValueError(f"the formula {latex!r} cannot be read: {error or type(error).__name__}.") from error


def _inline(writer: Any, node: Any) -> None:
    _write(writer, node, block=False)


def _block(writer: Any, node: Any) -> None:
    _write(writer, node, block=True)


def _write(writer: Any, node: Any, *, block: bool) -> None:
    element = mathml(node.astext(), block=block)
    writer.body.append(f'<div class="formula">{element}</div>' if block else element)
    raise SkipNode
