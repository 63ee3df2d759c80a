"""A client of the encoder-manager server, for asyncio and blocking.

It raises the same exceptions as the embedded manager, and a few of its own; gives the documents of
:mod:`encoder_manager.documents`; and repeats what may be repeated, see :class:`RetryPolicy`.
"""

try:
    import httpx as _httpx  # noqa: F401
    import httpx_sse as _httpx_sse  # noqa: F401
except ImportError as error:
    raise ImportError(
        "encoder_manager.server needs httpx and httpx-sse: pip install 'encoder-manager[server]'"
    ) from error

from . import errors
from ._feed import BlockingFeed, Feed
from ._read import Tagged, When
from .client import BlockingClient, Client
from .errors import from_problem
from .retry import RetryPolicy

__all__ = [
    "BlockingClient",
    "BlockingFeed",
    "Client",
    "Feed",
    "RetryPolicy",
    "Tagged",
    "When",
    "errors",
    "from_problem",
]
