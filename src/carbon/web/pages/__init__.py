"""Pages for people, rendered on the server; each handler is a service call and a template."""

from __future__ import annotations

from typing import Final

from carbon.web.pages.start import start

#: All pages.
PAGES: Final = (start,)
