"""A report as HTML: one page that needs nothing else, a fragment for notebooks, or a page for mail programs."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from logscan.codes.catalogue import explain
from logscan.rendering.contents import Contents, compose
from logscan.rendering.timeline import timeline_of
from logscan.terminal import sanitise

if TYPE_CHECKING:
    from logscan.plots import Image
    from logscan.reporting import Report


def to_html(report: Report) -> str:
    """The report as a page."""
    return _render("page.html", report)


def to_fragment(report: Report) -> str:
    """The report as an element with its own style."""
    return _render("fragment.html", report)


def to_mail(contents: Contents, images: Sequence[Image] = ()) -> str:
    """The contents as a page for mail programs: style in the elements, ``images`` by their Content-IDs."""
    return _template("mail.html").render(contents=contents, images=images)


def _render(name: str, report: Report) -> str:
    return _template(name).render(
        contents=compose(report, verbose=1),
        timeline=timeline_of(report),
        explanation=lambda code, direction=None: Markup(explain(code, direction=direction).to_html()),  # noqa: S704
    )


@cache
def _template(name: str) -> Template:
    """The template; whatever it puts in is made harmless twice: no control characters, no markup."""
    environment = Environment(
        loader=PackageLoader("logscan.rendering", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
        finalize=_harmless,
    )
    return environment.get_template(name)


def _harmless(value: Any) -> Any:
    return sanitise(value) if isinstance(value, str) and not isinstance(value, Markup) else value
