"""Documents of the embedded manager that the server has in another form, or not at all."""

from typing import Dict, List, Optional

from typing_extensions import TypedDict

from .documents import EncoderPerformance, EventRates, LatencyDistribution, Trend

__all__ = ["ManagerPerformance", "PublishVerdict"]


class PublishVerdict(TypedDict):
    """Whether somebody may publish."""

    allowed: bool
    verdict: str
    """Why, as one word."""
    stream_id: Optional[str]
    """The stream of the key, where it is known."""
    encoder_id: Optional[str]
    """The encoder that is taken to be the publisher."""
    dropped: bool
    """Whether another publisher was dropped to make room."""
    reason: Optional[str]
    """Why not, in one line."""


class ManagerPerformance(TypedDict):
    """What the manager knows of its own performance."""

    timestamp: str
    """When, RFC 3339."""
    event_delivery: Optional[LatencyDistribution]
    """How long news of a device take to the feed; ``None`` before the first."""
    events: Dict[str, EventRates]
    """How often each kind of event happens."""
    event_bus: int
    """Events that some part of the manager or some feed has not taken yet."""
    stream_commands_total: int
    """Commands that wait for the tasks of all streams."""
    stream_commands_max: int
    """Commands that wait for the task with the most of them."""
    store: Optional[int]
    """Commands that wait for the store; ``None`` for a store without a queue."""
    trends: List[Trend]
    """Where the manager's own figures are heading."""
    encoders: List[EncoderPerformance]
    """The same of each encoder."""
