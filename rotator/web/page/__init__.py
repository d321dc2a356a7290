"""`/`: the page for people. It works without a script and gets live with one; it asks the API nothing.

    known, places, rows, headline, recent   what is shown: from what is known, pure
    witness   what is known, from the daemon's vitals
    board     the rows, kept up to date as far as somebody looks
    paint     rows and pages as HTML
    detail    a server's time line
    stream    changes as they come
    routes    what is answered, by path

Its law: a page is escaped text, a stylesheet and a script of its own, and nothing on it changes anything.
"""

from __future__ import annotations

from .board import Source
from .known import Known
from .recent import Ended
from .routes import Page
from .witness import Witness

__all__ = ["Ended", "Known", "Page", "Source", "Witness"]
