"""Steps that know whether they are done, so that the same list serves to look and to act."""

from __future__ import annotations

import dataclasses
from typing import Callable, Optional

from .fault import Fault


@dataclasses.dataclass(frozen=True)
class State:
    """Whether a step is done, and what it is or what is to be done."""

    done: bool
    text: str


@dataclasses.dataclass(frozen=True)
class Step:
    """A part of the installation. Without `act` it is a requirement that somebody else meets."""

    what: str
    look: Callable[[], State]
    act: Optional[Callable[[], None]] = None


def done(text: str) -> State:
    return State(True, text)


def open_(text: str) -> State:
    return State(False, text)


def check(steps: list) -> bool:
    """Says of each step what is; changes nothing. Whether all is done."""
    complete = True
    for step in steps:
        try:
            state = step.look()
        except Fault as fault:
            state = open_("; ".join(fault.lines))
        word = "ok" if state.done else "to do" if step.act else "missing"
        print(f"{word:8} {step.what}: {state.text}")
        complete = complete and state.done
    return complete


def carry_out(steps: list) -> int:
    """Does what is not done, after all requirements were found met. How many steps it did."""
    unmet = []
    for step in steps:
        if step.act is None:
            try:
                state = step.look()
                if not state.done:
                    unmet.append(f"{step.what}: {state.text}")
            except Fault as fault:
                unmet += fault.lines
    if unmet:
        raise Fault(*dict.fromkeys(unmet))
    count = 0
    for step in steps:
        if step.act is None:
            continue
        state = step.look()
        if not state.done:
            step.act()
            count += 1
            print(f"done     {step.what}: {step.look().text}")
    return count
