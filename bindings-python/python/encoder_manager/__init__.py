"""Manage a fleet of hardware encoders.

:class:`Manager` does it inside this process, for asyncio; :mod:`encoder_manager.blocking` for plain
threads. :mod:`encoder_manager.server` is a client of the server, which does it for many programs.
"""

import atexit as _atexit

from . import _logging as _logging
from . import blocking, documents, errors, events, plugins, policies, reports, testing
from ._encoder_manager import __version__
from ._encoder_manager import end_process as _end_process
from .errors import (
    AlreadyExistsError,
    ConfigInvalidError,
    ConflictError,
    DeadlineExceededError,
    DeviceAuthError,
    DeviceProtocolError,
    DeviceRejectedError,
    DeviceUnreachableError,
    EncoderError,
    NoEncoderAvailableError,
    NotFoundError,
    NotLeaderError,
    RevisionMismatchError,
    ShuttingDownError,
    StoreUnavailableError,
    UnexpectedError,
    UnsupportedError,
    ValidationFailedError,
    Violation,
)
from .feeds import EventFeed
from .manager import Manager
from .monitoring import MonitoringSystem
from .plugins import Balancer, EncoderDriver, HealthPolicy, Remediator
from .simulator import Simulator
from .stream import Stream

# Managers that nobody closed would otherwise call into an interpreter that is gone.
_atexit.register(_end_process)

__all__ = [
    "AlreadyExistsError",
    "Balancer",
    "ConfigInvalidError",
    "ConflictError",
    "DeadlineExceededError",
    "DeviceAuthError",
    "DeviceProtocolError",
    "DeviceRejectedError",
    "DeviceUnreachableError",
    "EncoderDriver",
    "EncoderError",
    "EventFeed",
    "HealthPolicy",
    "Manager",
    "MonitoringSystem",
    "NoEncoderAvailableError",
    "NotFoundError",
    "NotLeaderError",
    "Remediator",
    "RevisionMismatchError",
    "ShuttingDownError",
    "Simulator",
    "StoreUnavailableError",
    "Stream",
    "UnexpectedError",
    "UnsupportedError",
    "ValidationFailedError",
    "Violation",
    "__version__",
    "blocking",
    "documents",
    "errors",
    "events",
    "plugins",
    "policies",
    "reports",
    "testing",
]
