"""What a person can put right."""

from __future__ import annotations


class Fault(Exception):
    """One line for each thing that is wrong: where, what, and what would be right."""

    def __init__(self, *lines: str):
        super().__init__("\n".join(lines))
        self.lines = lines
