"""What every page has: templates, headers, the viewer, the language. A page is one `Page`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from streams.console.access import Role, Viewer, mask
from streams.console.background import Background
from streams.console.drawing import Points
from streams.console.language import Words
from streams.console.outcomes import Reports
from streams.console.queries import Reader
from streams.console.words import WORDS
from streams.profile.profile import Profile

Context = Mapping[str, Any]
STATIC = ("console.css", "pages.css", "console.js", "icon.svg")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; "
    "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class NotFound(Exception):
    """There is no such thing, or the viewer may not see it: both look the same from outside."""


class Refused(Exception):
    """A request that no page of ours sends."""


@dataclass(frozen=True, slots=True)
class Site:
    """What all requests share. now_us: the instant that pages take as now, by the clock or by the last message; key: of
    masks.
    """

    reader: Reader
    profile: Profile
    now_us: Callable[[], int]
    key: bytes
    reports: Reports
    read_curve: Callable[[str], Points] | None = None  # of a customer, where a replay has written it
    background: Background | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """One request of a viewer for a page."""

    site: Site
    viewer: Viewer
    words: Words
    query: Mapping[str, str]
    now_us: int

    def customer(self, customer_id: str) -> str:
        """Returns a customer's id as this viewer may see it."""
        return mask(self.site.key, customer_id) if self.viewer.is_masked else customer_id


@dataclass(frozen=True, slots=True)
class Page:
    """A page: its template is `pages/NAME.html`, its title WORDS[NAME]. show: returns what the template needs, on a
    thread that may read the store; raises NotFound or Refused. in_menu: for those with a role of `roles`.
    """

    name: str
    path: str
    roles: frozenset[Role]
    show: Callable[[Visit], Context]
    in_menu: bool = True


class Templates:
    """The templates with what all of them use."""

    def __init__(self, pages: tuple[Page, ...]) -> None:
        self._pages = pages
        self._environment = Environment(
            loader=PackageLoader("streams.console", "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals |= {"static": static_urls(), "url": url, "icon": Markup("")}

    def page(self, name: str, visit: Visit, session_token: str, context: Context) -> str:
        """Returns a page as HTML."""
        menu = [page for page in self._pages if page.in_menu and visit.viewer.role in page.roles]
        number = f"{visit.site.reader.meta('copy')}.{visit.site.reader.meta('change')}"
        shared = {"v": visit, "w": visit.words, "menu": menu, "name": name, "token": session_token, "number": number}
        return self._environment.get_template(f"{name}.html").render(shared | dict(context))

    def error(self, status: int, words: Words, sign_in: str | None) -> str:
        """Returns a page about what went wrong. sign_in: the path that leads to a session; None: the printed link."""
        known = status if f"error_{status}" in WORDS else 400
        return self._environment.get_template("error.html").render(w=words, status=known, sign_in=sign_in)


def url(path: str, **values: object) -> str:
    """Returns a link with its values, whatever characters they have; None is left out."""
    given = {name: value for name, value in values.items() if value is not None}
    return f"{path}?{urlencode(given)}" if given else path


def static_urls() -> dict[str, str]:
    """Returns name -> path of the files that pages load, which changes with their content."""
    return {name: f"/static/{sha256(static(name)).hexdigest()[:12]}/{name}" for name in STATIC}


def static(name: str) -> bytes:
    """Returns a file of `static/`."""
    return (resources.files("streams.console") / "static" / name).read_bytes()


def words_of(lang: str, profile: Profile) -> Words:
    """Returns the words of a language; days are those of the profile's zone."""
    return Words(lang, profile.texts_zh, ZoneInfo(profile.time.zone))
