"""Manage a fleet of hardware encoders.

This version does not embed the manager yet; :mod:`encoder_manager.server` is a client of the
server.
"""

from ._encoder_manager import __version__

__all__ = ["__version__"]
