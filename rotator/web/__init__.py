"""The daemon as seen over HTTP: it is read, and nothing else.

    listener    the socket, the connections, and their bounds
    app         which path is answered by which module
    access      who may read, and how
    headers     what stands on every answer
    health …    one module for each thing that can be asked for

Its law: nothing here asks the API, and nothing that a reader does, or leaves undone, holds up a rotation.
"""

from __future__ import annotations

from .front import Front

__all__ = ["Front"]
