"""The manager's decisions as functions of plain data: no clock, no randomness, no I/O.

The same arguments have the same outcome in every language; the manager itself asks the same
functions. What is left out has the manager's default.
"""

# Without postponed annotations: TypedDict reads them to know which keys are required.
from typing import Any, Dict, List, Mapping, Optional, Sequence

from typing_extensions import Literal, NotRequired, TypedDict

from . import _encoder_manager as native
from ._commands import given
from ._json import Moment, decode, encode, moment
from .documents import Destination, Issue, StreamConfig, StreamConfigPatch, StreamRequest, Warning

__all__ = [
    "Assessment",
    "ChangedConfig",
    "Findings",
    "HealthParts",
    "Placement",
    "Step",
    "ValidStream",
    "Verdict",
    "assess_health",
    "check_config",
    "default_config",
    "heat",
    "next_step",
    "recommended_bitrate",
    "select_encoders",
    "validate_change",
    "validate_config",
    "validate_for_encoder",
    "validate_stream",
]

Verdict = Literal["healthy", "worn", "failing", "silent", "unknown"]


class ValidStream(TypedDict):
    """A request that was filled in."""

    config: StreamConfig
    destination: Destination
    protection: str
    warnings: List[Warning]
    """Recommendations that it does not follow."""


class Findings(TypedDict):
    """Everything about some settings."""

    errors: List[Warning]
    """Rules that are broken."""
    warnings: List[Warning]
    """Recommendations that are not followed."""


class ChangedConfig(TypedDict):
    """Settings after a change."""

    config: StreamConfig
    warnings: List[Warning]
    """Recommendations that they do not follow."""


class Placement(TypedDict):
    """The encoders for a stream."""

    primary: str
    backup: Optional[str]


class HealthParts(TypedDict):
    """What a health is made of, each 0 to 100; ``None`` where nothing is known."""

    connection: Optional[float]
    storage: Optional[float]
    stream: Optional[float]
    system: Optional[float]


class Assessment(TypedDict):
    """How an encoder is."""

    health: Optional[float]
    """0 to 100, higher is better; ``None`` where nothing is known."""
    parts: HealthParts
    verdict: Verdict
    issues: List[Issue]


class Step(TypedDict):
    """What to try next against an incident."""

    step: str
    deadline_seconds: NotRequired[float]
    """After how long it is given up, where it may take long."""
    bitrate: NotRequired[int]
    """What to ask for, in bits per second."""
    resolution: NotRequired[str]
    fps: NotRequired[float]


def validate_stream(
    request: StreamRequest, defaults: Optional[Mapping[str, Any]] = None
) -> ValidStream:
    """A request with everything filled in. Raises ``ValidationFailedError`` with every fault."""
    arguments = given(defaults=defaults)
    valid: ValidStream = _compute("validate_stream", request=request, **arguments)
    return valid


def validate_config(config: StreamConfig) -> Findings:
    """What is wrong with settings, and what could be better."""
    findings: Findings = _compute("validate_config", config=config)
    return findings


def validate_change(config: StreamConfig, changes: StreamConfigPatch) -> ChangedConfig:
    """Settings after a change. Raises ``ValidationFailedError`` with every fault."""
    changed: ChangedConfig = _compute("validate_change", config=config, changes=changes)
    return changed


def validate_for_encoder(
    config: StreamConfig,
    url: str,
    capability: Mapping[str, Any],
    input: Optional[Mapping[str, Any]] = None,
) -> List[Warning]:
    """Why an encoder that can do that, with that at its input, cannot stream there; nothing when it
    can."""
    arguments = given(input=input)
    reasons: List[Warning] = _compute(
        "validate_for_encoder", config=config, url=url, capability=capability, **arguments
    )
    return reasons


def recommended_bitrate(resolution: str, fps: float) -> int:
    """A good video bitrate for such pictures, in bits per second."""
    bitrate: int = _compute("recommended_bitrate", resolution=resolution, fps=fps)
    return bitrate


def select_encoders(
    fleet: Sequence[Mapping[str, Any]],
    demand: Optional[Mapping[str, Any]] = None,
    *,
    policy: Optional[str] = None,
    weighted: Optional[Mapping[str, Any]] = None,
    draw: Optional[int] = None,
) -> Optional[Placement]:
    """The encoders that a built-in balancer chooses; ``None`` when none may take the stream.

    ``policy`` is ``weighted``, ``least_loaded``, ``power_of_two``, ``round_robin`` or
    ``rendezvous``; ``draw`` stands for its random number.
    """
    arguments = given(demand=demand, policy=policy, weighted=weighted, draw=draw)
    placement: Optional[Placement] = _compute("select_encoders", fleet=fleet, **arguments)
    return placement


def assess_health(
    observations: Sequence[Mapping[str, Any]],
    *,
    policy: Optional[Literal["all", "direct", "connection"]] = None,
    config: Optional[Mapping[str, Any]] = None,
    now: Optional[Moment] = None,
) -> Assessment:
    """How an encoder of which that was observed is, oldest first.

    An observation has ``age_seconds`` and one of ``contact`` (``{"outcome": "answered",
    "latency_ms": 12}``, ``{"outcome": "failed", "error": "device_unreachable"}``), ``status`` (as a
    driver reports it) and ``publishing_intended``. Ages count from ``now``.
    """
    arguments = given(policy=policy, config=config, now=moment("now", now))
    assessment: Assessment = _compute("assess_health", observations=observations, **arguments)
    return assessment


def heat(
    *,
    temperature: Optional[float] = None,
    request_rate: Optional[float] = None,
    error_rate: Optional[float] = None,
    load_percent: Optional[float] = None,
    config: Optional[Mapping[str, Any]] = None,
    too_hot: Optional[float] = None,
) -> Optional[float]:
    """How hot an encoder is, 0 to 100; ``None`` where nothing is known. Temperatures are in degrees
    Celsius, rates are per second and as a share."""
    arguments = given(
        temperature=temperature,
        request_rate=request_rate,
        error_rate=error_rate,
        load_percent=load_percent,
        config=config,
        too_hot=too_hot,
    )
    score: Optional[float] = _compute("heat", **arguments)
    return score


def next_step(
    incident: Mapping[str, Any],
    tried: Sequence[Mapping[str, Any]] = (),
    config: Optional[Mapping[str, Any]] = None,
) -> Optional[Step]:
    """What the built-in ladder tries next after what was tried; ``None`` when it is at its end."""
    arguments = given(config=config)
    step: Optional[Step] = _compute("next_step", incident=incident, tried=tried, **arguments)
    return step


def default_config() -> Dict[str, Any]:
    """Every setting of a manager."""
    config: Dict[str, Any] = _compute("default_config")
    return config


def check_config(config: Mapping[str, Any]) -> Dict[str, Any]:
    """Settings as a manager understands them, with everything filled in.

    Raises ``ConfigInvalidError`` or ``ValidationFailedError`` with what is wrong.
    """
    checked: Dict[str, Any] = _compute("check_config", config=config)
    return checked


def _compute(name: str, **arguments: object) -> Any:
    return decode(native.compute(name, encode(arguments)))
