"""What the native half logs, as records of :mod:`logging` below the logger ``encoder_manager``.

A program that configures no logging hears nothing. Levels that no handler wants never leave the
native half; a change of levels or handlers counts within a second.
"""

from __future__ import annotations

import logging
from typing import List, Optional, Tuple

NAME = "encoder_manager"
NOBODY = 2**31 - 1
"""Higher than every level: nothing is wanted."""

ROOT = logging.getLogger(NAME)
ROOT.addHandler(logging.NullHandler())


def wanted_level() -> int:
    """The lowest level that some logger of this package takes."""
    below = f"{NAME}."
    known = list(logging.root.manager.loggerDict.items())
    levels = [
        one.getEffectiveLevel()
        for name, one in known
        if isinstance(one, logging.Logger) and (name == NAME or name.startswith(below))
        if _reaches_somebody(one)
    ]
    # logging.disable() disables a level itself, too.
    return max(min(levels, default=NOBODY), logging.root.manager.disable + 1)


def _reaches_somebody(logger: logging.Logger) -> bool:
    current: Optional[logging.Logger] = logger
    while current is not None:
        if any(not isinstance(one, logging.NullHandler) for one in current.handlers):
            return True
        current = current.parent if current.propagate else None
    return False


def emit(level: int, target: str, message: str, fields: List[Tuple[str, str]], lost: int) -> None:
    """Logs a line of the native half, from a thread of its own."""
    if lost:
        ROOT.warning("%d log lines were lost: the handlers do not keep up", lost)
    logger = logging.getLogger(f"{NAME}.{target.replace('::', '.')}")
    if not logger.isEnabledFor(level):
        return
    facts = ", ".join(f"{name}={value}" for name, value in fields)
    text = f"{message} ({facts})" if message and facts else message or facts
    record = logger.makeRecord(
        logger.name, level, "(native)", 0, text, (), None, extra={"fields": dict(fields)}
    )
    logger.handle(record)
