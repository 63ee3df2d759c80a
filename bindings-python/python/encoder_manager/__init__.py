"""Manage a fleet of hardware encoders.

This version holds no more than its version number; see the README.
"""

from ._encoder_manager import __version__

__all__ = ["__version__"]
