"""The documents that the manager and the server give and take, as types.

A key that is always there is required; ``None`` says that there is no value, such as a figure that
a device does not report. Moments are RFC 3339 texts in UTC.

Made by tests/make_documents.py from the server's OpenAPI document. Do not edit.
"""

from __future__ import annotations

from typing import Any, Literal, Optional, Union

from typing_extensions import NotRequired, TypeAlias, TypedDict


class ActionRequest(TypedDict):
    """The body of control: an action and its arguments."""

    action: str
    """
    One of `start_streaming`, `stop_streaming`, `start_recording`, `stop_recording`, `reboot`,
    `recall_preset`, `select_input`, `select_recording_medium`, `mute`, `unmute`,
    `enter_maintenance`, `leave_maintenance`, `renew_session`, `reconnect`, `reset_media_state`.
    """

    audio: NotRequired[Optional[str]]
    """For `select_input`."""

    medium: NotRequired[Optional[str]]
    """For `select_recording_medium`: such as `sd` or `usb`."""

    preset: NotRequired[Optional[int]]
    """For `recall_preset`."""

    video: NotRequired[Optional[str]]
    """For `select_input`."""


class Actor(TypedDict):
    """The key that somebody acted with. Never the key itself."""

    key_id: str
    """Its id."""

    name: str
    """Whose it is."""

    scope: Scope
    """What it allows."""


class Adaptation(TypedDict):
    """Settings below what was asked for, for as long as a trouble lasts."""

    bitrate: int
    """Video bitrate in bits per second."""

    changed_at: Time
    """When the latest step, down or up, was taken."""

    fps: float
    """Pictures per second."""

    healthy_period_seconds: float
    """How long the stream must be well before the next step up."""

    reason: str
    """The trouble that led to the latest step down."""

    resolution: str
    """Picture size."""

    since: Time
    """When the stream first ran below what was asked for."""


class Alarm(TypedDict):
    """An alarm of the device."""

    category: str
    """What it is about."""

    code: str
    """Stable name."""

    message: str
    """The device's own text."""

    severity: str
    """How bad it is."""


class Alert(TypedDict):
    """An alert."""

    alert_id: str
    """Its id."""

    category: str
    """What it is about."""

    code: str
    """Issue code."""

    description: str
    """A few lines."""

    encoder_id: Optional[str]
    """The encoder concerned."""

    resolved_at: Optional[Time]
    severity: str
    """`info`, `warning` or `critical`."""

    started_at: Time
    """Since when."""

    state: str
    """`firing`, `acknowledged` or `resolved`."""

    stream_id: Optional[str]
    """The stream concerned."""

    suggested_actions: list[str]
    """What could be done."""

    summary: str
    """One line."""


class AlertDelivery(TypedDict):
    """A notice on its way to one sink."""

    attempts: int
    """How often it was tried."""

    digest_id: Optional[str]
    """The digest that told it."""

    error: Optional[str]
    """What the sink said last."""

    finished_at: Optional[Time]
    next_at: Optional[Time]
    state: str
    """`held` for a digest, `pending`, `sent`, `digested` or `dead_letter`."""


class AlertMatcher(TypedDict):
    """Which alerts: those that match every list; an empty one matches all."""

    category: list[str]
    """For example `stream` or `encoder`."""

    code: list[str]
    """For example `device_silent`."""

    encoder: list[str]
    """Encoders; their own alerts, and those of streams that they publish."""

    severity: list[str]
    """`info`, `warning`, `critical`."""

    site: list[str]
    """Sites."""

    stream: list[str]
    """Streams."""


class AlertSink(TypedDict):
    """A sink, and how it is doing."""

    dead_letters: int
    """Dead letters that can be retried."""

    kind: str
    """`alertmanager`, `webhook`, `email` or `telegram`."""

    last_error: Optional[str]
    """What it said to the latest attempt, if that failed."""

    last_sent_at: Optional[Time]
    name: str
    """Its name."""

    waiting: int
    """Deliveries that wait."""


class AlertSinks(TypedDict):
    """All sinks."""

    items: list[AlertSink]
    """By name."""


class Alive(TypedDict):
    """A probe's answer."""

    status: str
    """Always `ok`."""


class ApiKey(TypedDict):
    """What is known about an API key."""

    created_at: Time
    """When it was made."""

    expires_at: Time
    """When it ends."""

    key_id: str
    """Name of the record."""

    last_used_at: Optional[Time]
    name: str
    """Whose it is."""

    revoked_at: Optional[Time]
    scope: Scope
    """What it allows."""


class AuditEntry(TypedDict):
    """Something that was done or refused."""

    action: str
    """Method and route, such as `POST /api/streams/{id}/failover`; or the command."""

    actor: Optional[Actor]
    address: Optional[str]
    """From where; an IPv6 address is that of its network. `null` on the command line."""

    audit_id: str
    """Its name; later entries have higher ones."""

    code: Optional[str]
    """The problem's code, when it was refused or failed."""

    request_id: Optional[str]
    """The request's id, as in its answer and in the log."""

    status: Optional[int]
    """
    The HTTP status; `null` when the client went away before there was one, and on the command
    line.
    """

    subject: dict[str, str]
    """What the route's parameters name, and as `made` what was made."""

    timestamp: Time
    """When it began."""

    took_ms: Optional[int]
    """How long it took."""

    via: str
    """`api`, or `command_line` for the server program's own commands."""


class AutomatedAction(TypedDict):
    """What the manager did, as a stream's timeline tells it."""

    action: str
    """What, for example `failover` or `restart_in_place`."""

    incident_id: Optional[str]
    """The incident it belongs to."""

    message: str
    """One line for people."""

    outcome: str
    """`succeeded` or `failed`."""

    stream_id: str
    """The stream."""

    timestamp: Time
    """When it was over."""


class Backup(TypedDict):
    """The encoder that takes over."""

    encoder_id: Optional[str]
    """The encoder; `null` when none is held."""

    ready: bool
    """Whether it could take over now."""

    reasons: list[str]
    """Why not."""


class BulkAnswer(TypedDict):
    """The answer of bulk: one result per encoder, in the order asked for."""

    results: list[BulkResult]
    """The results."""


class BulkRequest(ActionRequest):
    """The body of bulk: an action for several encoders."""

    encoder_ids: list[str]
    """The encoders."""


class BulkResult(TypedDict):
    """What became of an action on one of several encoders."""

    encoder_id: str
    """The encoder."""

    outcome: Optional[ControlOutcome]
    problem: Optional[Problem]
    status: int
    """The HTTP status this would have had alone."""


class Burst(TypedDict):
    """How much of the budget for requests to a device is in use."""

    limit: int
    """How many may count before ordinary requests wait."""

    resets_at: Optional[Time]
    used: int
    """Requests that still count. More than `limit` only through requests that never wait."""


class Certificate(TypedDict):
    """What a target presents."""

    chain: list[CertificateFacts]
    """The chain as it was presented, the server's own certificate first."""

    checked_at: Optional[Time]
    days_left: Optional[int]
    """Whole days until then, negative afterwards."""

    error: Optional[str]
    """Why it could not be looked at."""

    expires_at: Optional[Time]
    faults: list[CertificateFault]
    """Every reason why clients turn away."""

    issues: list[Issue]
    """What is wrong, worst first."""

    ocsp_stapled: Optional[bool]
    """Whether a word of its issuer on revocation came along."""

    renewal: Optional[CertificateRenewal]
    target: str
    """`server` for this one, else host and port."""

    valid: Optional[bool]
    """Whether clients take it; `null` when it could not be looked at."""


class CertificateFacts(TypedDict):
    """One certificate of a chain."""

    fingerprint: str
    """SHA-256 of its encoding, in hexadecimal."""

    issuer: str
    """Who vouches for it."""

    key: str
    """Kind of its public key: `rsa`, `ec`, `ed25519`, or an object identifier."""

    key_bits: Optional[int]
    """Size of that key; `null` where the kind has one size only."""

    names: list[str]
    """Host names and addresses it is for."""

    not_after: Time
    """Valid until."""

    not_before: Time
    """Valid from."""

    self_signed: bool
    """Whether it vouches for itself."""

    signature: str
    """How it was signed."""

    subject: str
    """Whom it names."""


class CertificateFault(TypedDict):
    """Why clients turn away."""

    fault: str
    """
    `expired`, `not_yet_valid`, `wrong_host`, `self_signed`, `incomplete`, `untrusted`, `revoked`
    or `unusable`.
    """

    reason: str
    """One line."""


class CertificateRenewal(TypedDict):
    """How a certificate is renewed."""

    attempts: list[CertificateRenewalAttempt]
    """The latest attempts, newest last."""

    methods: list[str]
    """Ways to renew it, the first tried first: `acme`, `certbot`."""

    next_at: Optional[Time]
    state: str
    """`never` without a way, `not_due`, `waiting` after a failure, `due` or `running`."""


class CertificateRenewalAttempt(TypedDict):
    """An attempt to renew a certificate."""

    at: Time
    """When it began."""

    method: str
    """By what."""

    reason: Optional[str]
    """Why not; `null` when it succeeded."""

    result: str
    """`renewed`, `failed` or `rolled_back`."""


class Certificates(TypedDict):
    """Certificates that are looked at."""

    items: list[Certificate]
    """One for each target, this server first."""

    timestamp: Time
    """When this was put together."""


class Component(TypedDict):
    """A part of the server."""

    status: str
    """`ok` or `failed`."""


class ConnectionHealth(TypedDict):
    """Connection quality, measured by the manager."""

    error_rate: Optional[float]
    """Share of failed requests, 0 to 1."""

    health_score: Optional[float]
    """0 to 100, higher is better."""

    issues: list[Issue]
    """What is wrong with the connection."""

    latency: Optional[LatencyDistribution]
    latency_ms: Optional[float]
    """Median time to answer."""

    patterns: list[ConnectionPattern]
    """What it does again and again."""

    pool: Optional[ConnectionPool]
    prediction: Optional[Prediction]
    reconnects: Reconnects
    """How often it came back."""

    stability: Optional[float]
    """1 less the share of requests that turned out differently from the one before."""


class ConnectionPattern(TypedDict):
    """Something that a connection does again and again."""

    evidence: list[str]
    """The figures that show it, one each."""

    message: str
    """One line for people."""

    pattern: str
    """`periodic_loss`, `slow_degradation`, `flapping` or `time_of_day_load`."""

    since: Time
    """Beginning of the data that shows it."""


class ConnectionPool(TypedDict):
    """The connections that a driver keeps open to one device, as far as answers show it."""

    broken: int
    """Of these, because a request failed on them or the device had gone."""

    closed: int
    """Closed since the driver was made, for whatever reason."""

    idle: int
    """Of these, waiting for the next request."""

    idle_timeout_seconds: float
    """How long an idle one is kept."""

    in_use: int
    """Of these, with a request under way."""

    last_error: Optional[str]
    """What the latest failed request failed on."""

    last_error_age_seconds: Optional[float]
    """How long ago that was."""

    lifetime_seconds: float
    """How long one is used before another takes its place."""

    max_idle: int
    """Most idle ones that are kept."""

    oldest_age_seconds: Optional[float]
    """Age of the oldest open one."""

    open: int
    """Open now."""

    opened: int
    """Opened since the driver was made."""

    retired: int
    """Of these, at the end of their lifetime."""

    reused: int
    """Requests that went over a connection that was open already."""


class ControlOutcome(TypedDict):
    """What became of an action."""

    accepted: bool
    """The device took it."""

    action: str
    """The action."""

    confirmed: bool
    """The device was seen in the wanted state."""

    encoder_id: str
    """The encoder."""

    state: str
    """The state it was seen in."""


class Cooling(TypedDict):
    """Where a cooling encoder stands."""

    ends_at: Optional[Time]
    evidence: list[str]
    """The figures that led to it."""

    load_percentage: float
    """What is left of its share of new work and of routine polls, 0 to 100."""

    phase: str
    """`cooling` while load is taken from it, `warming_up` while it comes back."""

    reason: str
    """`temperature`, `score`, `load`, `burst` or `manual`."""

    since: Time
    """When cooling began."""

    step: int
    """The present step, from 1 to `steps`, where nothing of its share of load is left."""

    steps: int
    """How many steps there are."""


class CoolingEntry(TypedDict):
    """One transition of an encoder's cooling."""

    evidence: list[str]
    """The figures at that moment."""

    reason: str
    """Why the encoder cools."""

    step: int
    """The step that it led to; 0 when cooling is over."""

    timestamp: Time
    """When."""

    transition: str
    """`started`, `deepened`, `warming_up`, `eased`, `resumed` or `ended`."""


class Correlation(TypedDict):
    """Errors of one pattern that share something."""

    affected: int
    """Encoders (for destinations: attempts to publish) that are affected and share it."""

    encoder_ids: list[str]
    """The encoders."""

    exposed: int
    """All that share it."""

    factor: str
    """What they share: `site`, `destination`, `source` (a label) or `firmware`."""

    lift: float
    """Support divided by the share of all that are affected; 1 is chance."""

    pattern: str
    """The pattern."""

    spread_seconds: float
    """Time between the first and the last beginning."""

    support: float
    """`affected / exposed`, 0 to 1."""

    value: str
    """Which one."""


class Destination(TypedDict):
    """Where a stream goes."""

    backup_url: Optional[str]
    """Second address."""

    idle_timeout_seconds: Optional[float]
    """How long the ingest keeps a publisher that vanished."""

    personality: str
    """How the ingest treats a second publisher."""

    url: str
    """Server and application, without the key."""


class DestinationRequest(TypedDict):
    """Where a stream shall go."""

    backup_url: NotRequired[Optional[str]]
    """Second address."""

    idle_timeout_seconds: NotRequired[Optional[float]]
    """How long the ingest keeps a publisher that vanished."""

    personality: NotRequired[Optional[str]]
    """How the ingest treats a second publisher: `takeover`, `reject` or `separate`."""

    stream_key: NotRequired[Optional[str]]
    """The key; generated when absent."""

    url: NotRequired[Optional[str]]
    """Server and application, without the key."""


class DetailedHealth(TypedDict):
    """The answer of `GET /health/detailed`."""

    encoders: dict[str, EncoderHealth]
    """Every encoder."""

    services: dict[str, Component]
    """Parts of the server."""

    status: str
    """`healthy`, `degraded`, `critical` or `not_ready`."""

    system: SystemFigures
    """The machine."""

    timestamp: Time
    """When."""


class DeviceStatus(TypedDict):
    """Readings of the device, `null` where it gives none."""

    cpu_usage: Optional[float]
    """Processor load in percent."""

    fan_speed: Optional[float]
    """Revolutions per minute."""

    memory_usage: Optional[float]
    """Memory in percent."""

    temperature: Optional[float]
    """°C."""

    uptime: Optional[float]
    """Seconds since boot."""


class DigestEntry(TypedDict):
    """A notice in a digest."""

    created_at: Time
    """When it was written."""

    kind: str
    """What it was for."""

    notice_id: str
    """The notice."""

    title: str
    """Its title."""


class Encoder(TypedDict):
    """A registered encoder. The password is write-only."""

    address: str
    """Base address."""

    auto_remediation: Optional[str]
    """
    `off`, `observe` or `on`, where this encoder shall be repaired less than the others; `null`
    leaves it to the manager's settings.
    """

    capability: NotRequired[Any]
    """What it can do and tell."""

    capacity: int
    """How many streams it may carry at once."""

    driver: str
    """Which driver speaks to it."""

    encoder_id: str
    """Its id."""

    health_score: Optional[float]
    """0 to 100, higher is better."""

    issues: list[Issue]
    """What is wrong."""

    labels: dict[str, str]
    """Free labels."""

    last_seen_at: Optional[Time]
    maintenance: bool
    """Takes no new streams."""

    name: Optional[str]
    """Title for people."""

    revision: int
    """
    Revision of the registration in the store, for conditional writes. Over HTTP its `ETag` is the
    same in quotes.
    """

    site: Optional[str]
    """Failure domain."""

    status: str
    """`online`, `degraded`, `cooling`, `offline`, `maintenance` or `unknown`."""

    streams: list[str]
    """Streams that hold it, as primary or backup."""

    weight: float
    """Operator's preference."""


class EncoderAssignments(TypedDict):
    """What an encoder is meant to do."""

    active_streams: list[str]
    """The streams it publishes."""

    backup_ids: list[str]
    """The backups of the streams it publishes."""

    config: Optional[StreamConfig]
    primary_id: str
    """The encoder."""


class EncoderHealth(TypedDict):
    """How an encoder is doing."""

    connection_health: ConnectionHealth
    """Connection quality."""

    device_status: DeviceStatus
    """Readings."""

    encoder_id: str
    """The encoder."""

    health_parts: SubScores
    """What the score is made of."""

    health_score: Optional[float]
    """0 to 100, higher is better."""

    issues: list[Issue]
    """What is wrong."""

    status: str
    """`online`, `degraded`, `cooling`, `offline`, `maintenance` or `unknown`."""

    streaming: StreamingStatus
    """What it puts out."""

    thermal_status: ThermalStatus
    """Heat."""


class EncoderHealthAnswer(TypedDict):
    """The answer of `GET /health/encoder/{id}`."""

    encoder: EncoderHealth
    """How it is doing."""

    timestamp: Time
    """When."""


class EncoderMetrics(TypedDict):
    """Figures of an encoder, `null` where the device does not report them."""

    alarms: list[Alarm]
    """Alarms the device raises itself."""

    bitrate: Optional[int]
    """Measured output in bits per second."""

    cpu_usage: Optional[float]
    """Processor load in percent."""

    dropped_frames: Optional[int]
    """Pictures dropped since the stream started."""

    encoder_id: str
    """The encoder."""

    error_rate: Optional[float]
    """Share of failed requests, 0 to 1."""

    fan_speed: Optional[float]
    """Revolutions per minute."""

    fps: Optional[float]
    """Measured pictures per second."""

    health_parts: SubScores
    """What the score is made of."""

    health_score: Optional[float]
    """0 to 100, higher is better."""

    input_format: Optional[str]
    """The device's name for the input format."""

    input_present: Optional[bool]
    """Whether there is a usable picture at the input."""

    latency_ms: Optional[float]
    """Median time to answer."""

    media: list[Medium]
    """Recording media."""

    memory_usage: Optional[float]
    """Memory in percent."""

    network_connected: Optional[bool]
    """Whether the device believes its network is connected."""

    network_errors: Optional[int]
    """Link errors since boot."""

    stream_duration_seconds: Optional[float]
    """How long it has been streaming."""

    temperature: Optional[float]
    """°C."""

    temperature_score: Optional[float]
    """0 to 100, higher is hotter."""

    timestamp: Optional[Time]
    uptime: Optional[float]
    """Seconds since boot."""


class EncoderPerformance(TypedDict):
    """How an encoder answers, and where its figures are heading."""

    encoder_id: str
    """The encoder."""

    error_rate: Optional[float]
    """Share of the most recent requests that failed; `null` before the first one."""

    latency: Optional[LatencyDistribution]
    latency_ms: Optional[float]
    """Median time to answer; `null` before the first answer."""

    trends: list[Trend]
    """One entry for each figure."""


class EncoderRequest(TypedDict):
    """The body of `POST /api/encoders` and `PUT /api/encoders/{id}`."""

    address: str
    """Base address."""

    auto_remediation: NotRequired[Optional[str]]
    """`off`, `observe` or `on`, where this encoder shall be repaired less than the others."""

    capacity: NotRequired[Optional[int]]
    """How many streams it may carry at once."""

    driver: NotRequired[Optional[str]]
    """Which driver speaks to it."""

    encoder_id: NotRequired[Optional[str]]
    """Chosen by the operator, or generated."""

    labels: NotRequired[dict[str, str]]
    """Free labels."""

    maintenance: NotRequired[Optional[bool]]
    """Takes no new streams."""

    name: NotRequired[Optional[str]]
    """Title for people."""

    password: NotRequired[Optional[str]]
    """The device's own password. On a change: kept when absent, forgotten when `null`."""

    site: NotRequired[Optional[str]]
    """Failure domain."""

    weight: NotRequired[Optional[float]]
    """Operator's preference; 1 is normal."""


class EncoderStatus(TypedDict):
    """How an encoder is."""

    current_metrics: EncoderMetrics
    """Its figures."""

    encoder_id: str
    """The encoder."""

    firmware: Optional[str]
    """Running firmware."""

    last_seen_at: Optional[Time]
    recording_state: str
    """What its recorder is doing."""

    serial: Optional[str]
    """Serial number."""

    status: str
    """`online`, `degraded`, `cooling`, `offline`, `maintenance` or `unknown`."""

    stream_id: Optional[str]
    """The stream it publishes."""

    streaming_state: str
    """What its streaming engine is doing."""


class EncoderStorage(TypedDict):
    """Recording and media of an encoder."""

    encoder_id: str
    """The encoder."""

    media: list[StorageMedium]
    """Its media; empty when the device does not tell."""

    reboots: Reboots
    """Its restarts."""

    recommendations: list[str]
    """What a person could do, most urgent first."""

    recording_since: Optional[Time]
    recording_state: str
    """What its recorder does, such as `idle`, `recording` or `failing`."""

    switches: list[RecordingSwitch]
    """The latest switches of the recording medium, newest last."""


class ErrorAnalysis(TypedDict):
    """What is wrong, what it has in common, what is probably behind it, and what was done."""

    automated_actions: list[AutomatedAction]
    """What the manager did, newest first."""

    correlations: list[ErrorWindow]
    """What errors have in common, by window."""

    escalations: list[Escalation]
    """What repeats too often."""

    history: PageOccurrence
    """Errors that last or are remembered, newest first."""

    impact: ErrorImpact
    """Whom it concerns."""

    patterns: list[MatchedPattern]
    """Patterns with errors that last, worst first."""

    root_causes: list[RootCause]
    """What is probably behind it, best first."""

    suggested_actions: list[SuggestedAction]
    """What a person can do."""

    timestamp: Time
    """When it was put together."""


class ErrorImpact(TypedDict):
    """Whom the errors that last concern."""

    encoder_ids: list[str]
    """Encoders."""

    stream_ids: list[str]
    """Active streams."""

    unprotected_stream_ids: list[str]
    """Active streams that should have a ready backup, and have none."""

    viewers: Optional[int]
    """Always `null`: the manager is not in the way of the media."""


class ErrorWindow(TypedDict):
    """What was found in one window."""

    correlations: list[Correlation]
    """Groups of errors that share something, most telling first."""

    occurrences: int
    """Errors in it."""

    window_seconds: int
    """How far back it reaches."""


class Escalation(TypedDict):
    """Errors that are too many to be left to themselves."""

    cause: str
    """The cause, or `pattern:…` and `stream:…` when the errors have no common one."""

    error_ids: list[str]
    """The errors."""

    failed_recoveries: int
    """Recoveries that failed."""

    message: str
    """One line for people."""

    patterns: list[str]
    """The patterns concerned."""

    severity: str
    """`info`, `warning` or `critical`."""

    similar_errors: int
    """Similar errors in the window, of the pattern that has most."""

    since: Time
    """Since when it is escalated."""


class EventRates(TypedDict):
    """One kind of live event."""

    delivered: PerSecond
    """Handed to clients' sockets; several clients count several times."""

    delivered_total: int
    """Since the start."""

    dropped: PerSecond
    """Left out for clients that do not keep up."""

    dropped_total: int
    """Since the start."""

    published: PerSecond
    """Put on the bus."""

    published_total: int
    """Since the start."""


FailoverAccepted = TypedDict(
    "FailoverAccepted",
    {
        "from": str,
        "incident_id": str,
        "stream_id": str,
        "to": str,
    },
)


class FailoverRequest(TypedDict):
    """The body of failover and drill."""

    reason: NotRequired[Optional[str]]
    """Why, for the timeline."""

    to: NotRequired[Optional[str]]
    """Where to; the backup, or the best free encoder, when absent."""


class FieldProblem(TypedDict):
    """One broken rule, or one encoder that cannot take the stream."""

    code: str
    """Stable snake_case name of the rule."""

    field: str
    """The field, dotted; or the encoder when a placement failed."""

    message: str
    """One line with the limit in it."""

    recommended: NotRequired[Any]
    """A value that would be fine, where there is one."""


class Figure(TypedDict):
    """One metric."""

    help: str
    """What it says."""

    kind: str
    """`counter`, `gauge` or `histogram`."""

    name: str
    """Its name, as in the Prometheus text."""

    samples: list[Sample]
    """One entry per combination of labels."""


class Figures(TypedDict):
    """All figures."""

    metrics: list[Figure]
    """One entry per metric."""

    timestamp: Time
    """When."""


class FleetCounts(TypedDict):
    """How many encoders are in which state."""

    cooling: int
    """Relieved of load."""

    degraded: int
    """With trouble."""

    maintenance: int
    """Taken out."""

    offline: int
    """Silent."""

    online: int
    """Well."""

    streaming: int
    """Publishing."""

    total: int
    """All of them."""

    unknown: int
    """Not heard of yet."""


class Forecast(TypedDict):
    """What a figure will be."""

    at: Time
    """When."""

    confidence: float
    """How often readings lie in such an interval, 0 to 1."""

    expected: float
    """Best guess."""

    high: float
    """Upper end of the interval."""

    low: float
    """Lower end of the interval."""


History = TypedDict(
    "History",
    {
        "from": "Time",
        "series": dict[str, list[Optional["HistoryPoint"]]],
        "step_seconds": float,
        "to": "Time",
    },
)


class EncoderHistory(History):
    """What was recorded of an encoder."""

    encoder_id: str
    """The encoder."""


EncoderFigures: TypeAlias = Union[EncoderMetrics, EncoderHistory]
"""The present figures; or, when a part of the past was asked for, the recorded ones."""


class HistoryPoint(TypedDict):
    """The readings of one step."""

    at: Time
    """When the step begins."""

    count: int
    """How many readings."""

    max: float
    """The highest reading."""

    mean: float
    """The mean of the readings."""

    min: float
    """The lowest reading."""


class IngestReport(TypedDict):
    """What arrives of a stream at its ingest, as the ingest tells."""

    bitrate: Optional[int]
    """Bits per second, as the ingest measures them."""

    connected_for_seconds: Optional[float]
    """How long the present publisher has been connected."""

    encoder_id: Optional[str]
    """The encoder that publishes it; `null` when it cannot be told."""

    fps: Optional[float]
    """Pictures per second."""

    publishers: Optional[int]
    """How many publish it."""

    receiving: bool
    """Whether media arrives."""

    resolution: Optional[str]
    """Picture size."""

    seen_at: Time
    """When the ingest was asked."""

    since: Optional[Time]
    witness: str
    """Name of the witness."""


class Interruption(TypedDict):
    """How long nothing of a stream arrived at its ingest."""

    gap_ms: int
    """
    From the last look that found media of the old encoder to the first that found media of the
    new one.
    """

    resolution_ms: int
    """The true gap is longer or shorter by no more than this."""


class Issue(TypedDict):
    """Something that is wrong, and since when."""

    code: str
    """Stable snake_case name."""

    evidence: list[str]
    """The figures that led to it, one each."""

    message: str
    """One line for people, with the figures that led to it."""

    severity: str
    """How bad: `info`, `warning` or `critical`."""

    since: Time
    """Since when."""


class KeyRequest(TypedDict):
    """The body of `POST /api/keys`."""

    expires_at: NotRequired[Optional[Time]]
    name: str
    """Whose it is."""

    scope: Scope
    """What it allows."""


class Latencies(TypedDict):
    """How long news and answers take, over the last five minutes."""

    api: list[RouteLatency]
    """The routes with the most requests since the start."""

    event_delivery: Optional[LatencyDistribution]


class LatencyDistribution(TypedDict):
    """Times to answer the most recent requests, by nearest rank."""

    max_ms: float
    """The slowest."""

    p50_ms: float
    """Half of the answers took at most this long."""

    p90_ms: float
    """Nine of ten did."""

    p99_ms: float
    """Ninety-nine of a hundred did."""

    samples: int
    """How many answers there were."""


class LoadBalancer(TypedDict):
    """How the balancer sees the fleet."""

    distribution: LoadDistribution
    """How even the load is."""

    encoders: list[LoadBalancerRow]
    """One row per encoder."""

    policy: str
    """Name of the policy."""


class LoadBalancerRow(TypedDict):
    """One encoder as the balancer sees it."""

    eligible: bool
    """Whether it may take a stream now."""

    encoder_id: str
    """The encoder."""

    health_score: Optional[float]
    """0 to 100, higher is better."""

    load: float
    """Share of its capacity in use, 0 to 1."""

    reasons: list[str]
    """Why not."""

    streams: int
    """Streams it holds."""

    temperature_score: Optional[float]
    """0 to 100, higher is hotter."""

    weight: float
    """Operator's preference."""


class LoadDistribution(TypedDict):
    """How even the load is."""

    imbalance: float
    """Highest load minus lowest."""

    variance: float
    """Variance of the loads."""


class MatchedPattern(TypedDict):
    """A pattern with errors that last."""

    category: str
    """What it is about."""

    encoder_ids: list[str]
    """The encoders concerned."""

    impact: str
    """What it does to the viewer or the operator."""

    open: int
    """Errors that last."""

    pattern: str
    """Its id, for example `network_timeout`."""

    severity: str
    """`info`, `warning` or `critical`."""

    since: Time
    """Since when the oldest lasts."""

    stream_ids: list[str]
    """The streams concerned."""

    title: str
    """Its title."""


class Medium(TypedDict):
    """One recording medium."""

    free_bytes: Optional[int]
    """Free space in bytes."""

    free_percent: Optional[int]
    """Free space in percent."""

    kind: Optional[str]
    """For example `sd`, `usb`, `nfs`."""

    ready: Optional[bool]
    """Whether the device would record on it."""

    slot: str
    """Name within the device."""

    total_bytes: Optional[int]
    """Size in bytes."""


class MonitoringStatus(TypedDict):
    """The answer of `GET /api/monitoring/status`."""

    active_alerts: int
    """Alerts that are not resolved."""

    components: dict[str, Component]
    """Its parts."""

    encoders: FleetCounts
    """The fleet."""

    performance: Performance
    """Figures of the server."""

    status: str
    """`healthy`, `degraded`, `critical` or `not_ready`."""

    streams: StreamCounts
    """The streams."""

    timestamp: Time
    """When."""


class NewApiKey(ApiKey):
    """A new API key, shown this once."""

    key: str
    """The key. It cannot be read again."""


class Notification(TypedDict):
    """A notice with its deliveries."""

    alerts: list[Alert]
    """The alerts as they were told, the probable cause first."""

    created_at: Time
    """When it was written."""

    deliveries: dict[str, AlertDelivery]
    """Its deliveries by sink."""

    group_id: Optional[str]
    """The group of alerts with one cause; `null` for digests and what Alertmanagers get."""

    kind: str
    """`firing`, `update`, `reminder`, `resolved`, `event`, `digest` or `test`."""

    notice_id: str
    """Its id; the same in every attempt."""

    severity: str
    """The worst severity in it."""

    summary: list[DigestEntry]
    """What a digest sums up."""

    title: str
    """One line."""


class Occurrence(TypedDict):
    """One error, from its beginning to its end."""

    code: str
    """Issue code, alarm code or error kind."""

    count: int
    """How often it began."""

    destination: Optional[str]
    """Where the stream goes, without its key."""

    driver: Optional[str]
    """Its driver."""

    encoder_id: Optional[str]
    """The encoder."""

    ended_at: Optional[Time]
    error_id: str
    """Its name; later errors have higher ones."""

    firmware: Optional[str]
    """Its firmware."""

    first_seen: Time
    """When it was seen first."""

    labels: dict[str, str]
    """Its labels."""

    last_seen: Time
    """When it was seen last."""

    message: str
    """One line for people, as reported last."""

    pattern: str
    """The pattern that recognised it."""

    severity: str
    """`info`, `warning` or `critical`."""

    site: Optional[str]
    """Its site."""

    stream_id: Optional[str]
    """The stream."""


class PageAlert(TypedDict):
    """A part of a list."""

    items: list[Alert]
    """The items."""

    next_cursor: Optional[str]
    """Pass it as `cursor` to get the next page; `null` on the last one."""


class PageApiKey(TypedDict):
    """A part of a list."""

    items: list[ApiKey]
    """The items."""

    next_cursor: Optional[str]
    """Pass it as `cursor` to get the next page; `null` on the last one."""


class PageAuditEntry(TypedDict):
    """A part of a list."""

    items: list[AuditEntry]
    """The items."""

    next_cursor: Optional[str]
    """Pass it as `cursor` to get the next page; `null` on the last one."""


class PageEncoder(TypedDict):
    """A part of a list."""

    items: list[Encoder]
    """The items."""

    next_cursor: Optional[str]
    """Pass it as `cursor` to get the next page; `null` on the last one."""


class PageNotification(TypedDict):
    """A part of a list."""

    items: list[Notification]
    """The items."""

    next_cursor: Optional[str]
    """Pass it as `cursor` to get the next page; `null` on the last one."""


class PageOccurrence(TypedDict):
    """A part of a list."""

    items: list[Occurrence]
    """The items."""

    next_cursor: Optional[str]
    """Pass it as `cursor` to get the next page; `null` on the last one."""


class PageStream(TypedDict):
    """A part of a list."""

    items: list[Stream]
    """The items."""

    next_cursor: Optional[str]
    """Pass it as `cursor` to get the next page; `null` on the last one."""


class PageTimelineEntry(TypedDict):
    """A part of a list."""

    items: list[TimelineEntry]
    """The items."""

    next_cursor: Optional[str]
    """Pass it as `cursor` to get the next page; `null` on the last one."""


class PerSecond(TypedDict):
    """How often something happens, per second."""

    five_minutes: float
    """Mean of the last five minutes."""

    one_minute: float
    """Mean of the last minute."""


class Performance(TypedDict):
    """Figures of the server itself."""

    events: int
    """Live events published."""

    mean_response_ms: Optional[float]
    """Mean time to answer; `null` before the first."""

    requests: int
    """Requests answered."""

    system: SystemFigures
    """The machine."""

    uptime_seconds: float
    """Since the server started."""


class PerformanceMonitor(TypedDict):
    """The answer of `GET /api/monitoring/performance`."""

    encoders: list[EncoderPerformance]
    """The encoders."""

    history: Optional[History]
    latency: Latencies
    """How long news and answers take."""

    process: ProcessFigures
    """What the server's process uses."""

    queues: Queues
    """What waits."""

    rates: Rates
    """How often things happen."""

    timestamp: Time
    """When."""

    trends: list[Trend]
    """Where the manager's own figures are heading, one entry for each."""


class PhaseTiming(TypedDict):
    """How long a phase took."""

    elapsed_ms: int
    """How long it took."""

    phase: str
    """`detect`, `decide`, `fence`, `start` or `confirm`."""


class Prediction(TypedDict):
    """When a figure that rises now will reach its threshold, if nothing changes."""

    based_on_seconds: float
    """How long they reach back."""

    confidence: float
    """How sure the interval is, between 0 and 1."""

    earliest_at: Time
    """Not before."""

    expected_at: Time
    """Best guess."""

    latest_at: Optional[Time]
    metric: str
    """`latency_ms`, `error_rate` or `temperature`."""

    samples: int
    """Readings it is based on."""

    threshold: float
    """The threshold, in the figure's unit."""


class Primary(TypedDict):
    """The encoder that publishes."""

    encoder_id: str
    """The encoder."""

    state: str
    """Where the stream is in its life on it."""


class Problem(TypedDict):
    """The members of a problem document."""

    code: str
    """Stable snake_case name of the kind."""

    detail: str
    """What happened this time."""

    encoder_id: NotRequired[Optional[str]]
    """The encoder concerned, for device errors."""

    errors: NotRequired[list[FieldProblem]]
    """Every broken rule."""

    instance: NotRequired[Optional[str]]
    """The request's path."""

    operation: NotRequired[Optional[str]]
    """The call that failed, for device errors."""

    request_id: NotRequired[Optional[str]]
    """Find this in the server's log."""

    status: int
    """The HTTP status."""

    title: str
    """The kind of problem in a few words."""

    type: str
    """Stable reference to the kind of problem."""


class ProcessFigures(TypedDict):
    """What the server's process uses, `null` where the system does not tell."""

    cpu_percent: Optional[float]
    """
    Share of one core since the last reading, at the first one since the process started;
    more than 100 with several busy threads.
    """

    open_files: Optional[int]
    """Files and connections that it has open."""

    resident_bytes: Optional[int]
    """Memory that it occupies, in bytes."""

    threads: Optional[int]
    """Threads."""

    uptime_seconds: Optional[int]
    """Since it started."""


class PublishForm(TypedDict):
    """
    Somebody who wants to publish, as nginx-rtmp tells it by `on_publish`. Other fields are left
    aside: the publisher may add any.
    """

    addr: NotRequired[str]
    """Where the publisher connects from."""

    app: str
    """The ingest's own name of the application."""

    call: str
    """`publish`."""

    flashver: NotRequired[str]
    """What the publisher calls itself."""

    name: str
    """The stream key."""

    tcurl: NotRequired[str]
    """The address that the publisher was given."""


class Queues(TypedDict):
    """What waits now."""

    client_events_max: int
    """Events that wait for the slowest client."""

    client_events_total: int
    """Events that wait for all clients."""

    clients: int
    """Open connections of the live feed."""

    event_bus: int
    """Events that some part of the manager or some connection has not taken yet."""

    store: Optional[int]
    """Commands that wait for the store; `null` for a store without a queue."""

    stream_commands_max: int
    """Commands that wait for the task with the most of them."""

    stream_commands_total: int
    """Commands that wait for the tasks of all streams."""


class Rates(TypedDict):
    """How often things happen."""

    client_messages: PerSecond
    """Messages of clients of the live feed."""

    client_messages_total: int
    """The same since the start."""

    events: dict[str, EventRates]
    """Live events, by name; kinds that never occurred are left out."""

    requests: PerSecond
    """Requests answered."""

    sequence_gaps_total: int
    """How often a client was told that events are missing, since the start."""


class Reboot(TypedDict):
    """A restart."""

    at: Time
    """When it was noticed."""

    evidence: list[str]
    """What told it."""


class Reboots(TypedDict):
    """The restarts of a device."""

    looping: bool
    """Whether it restarts again and again, and gets no streams."""

    recent: list[Reboot]
    """The latest ones, oldest first."""

    trusted_at: Optional[Time]


class Reconnects(TypedDict):
    """How often a connection came back since the encoder is watched."""

    after_silence: int
    """The device answered after at least one request without an answer."""

    event_feed: int
    """The device's event feed was lost and came up again."""

    last_at: Optional[Time]


RecordingSwitch = TypedDict(
    "RecordingSwitch",
    {
        "at": "Time",
        "closed_file_bytes": Optional[int],
        "closed_file_seconds": float,
        "from": str,
        "message": str,
        "outcome": str,
        "reason": str,
        "stopped_recording": bool,
        "to": str,
    },
)


class RejectedAlternative(TypedDict):
    """Something that was considered and not done."""

    alternative: str
    """What."""

    reason: str
    """Why not."""


class RootCause(TypedDict):
    """A candidate for what is behind the errors."""

    active: bool
    """Whether any of its errors lasts."""

    affected: int
    """How many of those that it could affect are affected."""

    cause: str
    """Kind and name, such as `site:north`; `manager` has no name."""

    encoder_ids: list[str]
    """Encoders with these errors."""

    error_ids: list[str]
    """The errors that it would explain."""

    evidence_against: list[str]
    """What speaks against it."""

    evidence_for: list[str]
    """What speaks for it."""

    exposed: int
    """How many it could affect."""

    kind: str
    """`encoder`, `source`, `site`, `destination`, `firmware` or `manager`."""

    patterns: list[str]
    """Patterns that point at it."""

    score: float
    """0 to 1; comparable among candidates, and no probability."""

    stream_ids: list[str]
    """Streams with these errors."""


class RouteLatency(TypedDict):
    """The requests of one route."""

    failures: int
    """Those of them that failed by a fault of the server (5xx)."""

    latency: Optional[LatencyDistribution]
    method: str
    """The method."""

    requests: int
    """Requests since the start."""

    route: str
    """The route's template; `unmatched` for paths that nobody has."""


class Sample(TypedDict):
    """One value."""

    count: NotRequired[Optional[int]]
    """Observations, for a histogram."""

    labels: dict[str, str]
    """The labels."""

    sum: NotRequired[Optional[float]]
    """Their sum, for a histogram."""

    value: Optional[float]
    """The value; the mean for a histogram, `null` while it is empty."""


Scope: TypeAlias = Literal["read", "control", "admin"]
"""What a key allows. Each scope includes those before it."""


Silence = TypedDict(
    "Silence",
    {
        "created_at": "Time",
        "created_by": str,
        "from": "Time",
        "match": AlertMatcher,
        "reason": str,
        "silence_id": str,
        "state": str,
        "until": "Time",
    },
)


SilenceRequest = TypedDict(
    "SilenceRequest",
    {
        "created_by": NotRequired[Optional[str]],
        "from": NotRequired[Optional["Time"]],
        "match": AlertMatcher,
        "reason": str,
        "until": "Time",
    },
)


class Silences(TypedDict):
    """Silences, newest first."""

    items: list[Silence]
    """The silences."""


class SinkTest(TypedDict):
    """What a sink answered to a test."""

    delivered: bool
    """Whether it took the test notice."""

    error: Optional[str]
    """What it said otherwise."""

    sink: str
    """The sink."""


class Slope(TypedDict):
    """Change per hour."""

    high: float
    """Upper end of its interval."""

    low: float
    """Lower end of its interval."""

    slope_per_hour: float
    """Best guess."""


class Storage(TypedDict):
    """Recording media of the fleet."""

    encoders: list[EncoderStorage]
    """One for each encoder."""

    timestamp: Time
    """When this was put together."""


class StorageBand(TypedDict):
    """A figure with the interval that it lies in."""

    expected: float
    """Best guess."""

    high: float
    """Upper end."""

    low: float
    """Lower end."""


class StorageMedium(TypedDict):
    """A recording medium."""

    free_bytes: Optional[int]
    """Free space in bytes."""

    free_percent: Optional[int]
    """Free space in percent."""

    growth_bytes_per_hour: Optional[StorageBand]
    kind: Optional[str]
    """Kind of medium, such as `sd`, `usb`, `smb` or `nfs`."""

    mounted: Optional[bool]
    """Whether the device can see it."""

    ready: Optional[bool]
    """Whether the device would record on it."""

    slot: str
    """Stable name within the device, such as `primary`."""

    state: Optional[str]
    """
    `absent`, `mounting`, `ready`, `low`, `full`, `slow`, `unwritable` or `damaged`; `null` when
    the device does not tell.
    """

    time_to_full: Optional[TimeToFull]
    total_bytes: Optional[int]
    """Size in bytes."""

    used_percent: Optional[float]
    """Used space in percent."""

    volume: Optional[str]
    """Volume name."""


class Stream(TypedDict):
    """A stream."""

    adaptation: Optional[Adaptation]
    backup: Backup
    """The encoder that takes over."""

    config: StreamConfig
    """Encoding settings, as asked for."""

    created_at: Time
    """When it was accepted."""

    destination: Destination
    """Where it goes."""

    failure: Optional[str]
    """Why it failed, when it did."""

    labels: dict[str, str]
    """Free labels."""

    live_at: Optional[Time]
    name: Optional[str]
    """Title for people."""

    primary: Primary
    """The encoder that publishes."""

    protection: str
    """`hot`, `warm`, `cold` or `none`."""

    revision: int
    """
    Revision of the record in the store, for conditional writes; what the manager itself changes
    counts as well. Over HTTP its `ETag` is the same in quotes.
    """

    rtmp_url: str
    """Where the encoder that is on air publishes."""

    state: str
    """`starting`, `live`, `degraded`, `failing_over`, `stopping`, `stopped` or `failed`."""

    stream_id: str
    """Its id."""

    stream_key: str
    """Masked, except in the answer to init and with `?reveal=key`."""

    updated_at: Time
    """When it last changed."""

    warnings: list[Warning]
    """Recommendations that the configuration does not follow."""


class StreamConfig(TypedDict):
    """Encoding settings."""

    audio_bitrate: int
    """Audio bitrate in bits per second."""

    bitrate: int
    """Video bitrate in bits per second."""

    fps: float
    """Pictures per second."""

    keyframe_interval_seconds: float
    """Time between key frames."""

    resolution: str
    """Picture size."""


class StreamConfigAnswer(StreamConfig):
    """
    The answer to a change of a stream's configuration: the settings, by themselves and, as in a
    stream, under `config`.
    """

    backup: Backup
    """Whether the backup has them too."""

    config: StreamConfig
    """The settings, as in a stream."""

    stream_id: str
    """The stream."""

    warnings: list[Warning]
    """Recommendations that they do not follow."""


class StreamConfigPatch(TypedDict):
    """The body of `PUT /api/streams/{id}/config`."""

    audio_bitrate: NotRequired[Optional[int]]
    """Audio bitrate in bits per second."""

    bitrate: NotRequired[Optional[int]]
    """Video bitrate in bits per second."""

    fps: NotRequired[Optional[float]]
    """Pictures per second."""

    keyframe_interval_seconds: NotRequired[Optional[float]]
    """Time between key frames."""

    resolution: NotRequired[Optional[str]]
    """Picture size."""


class StreamCounts(TypedDict):
    """How many streams are in which state."""

    active: int
    """Those that hold encoders."""

    by_state: dict[str, int]
    """By state; states without a stream are left out."""

    total: int
    """All of them, recently stopped ones included."""


class StreamFigures(TypedDict):
    """Figures of a stream, `null` where the device does not report them."""

    bitrate: Optional[int]
    """Measured bits per second."""

    cpu_usage: Optional[float]
    """Processor load of the encoder in percent."""

    dropped_frames: Optional[int]
    """Pictures dropped since the stream started."""

    fps: Optional[float]
    """Measured pictures per second."""

    health_score: Optional[float]
    """0 to 100, higher is better."""

    memory_usage: Optional[float]
    """Memory of the encoder in percent."""

    temperature: Optional[float]
    """°C."""


class StreamHealth(TypedDict):
    """How a stream is doing."""

    backup: Backup
    """The backup."""

    bitrate: Optional[int]
    """Measured bits per second, by the device or else by the ingest."""

    cpu_usage: Optional[float]
    """Processor load in percent."""

    dropped_frames: Optional[int]
    """Pictures dropped since the stream started."""

    encoder_id: str
    """The encoder that publishes."""

    fps: Optional[float]
    """Measured pictures per second, by the device or else by the ingest."""

    health_score: Optional[float]
    """0 to 100, higher is better."""

    ingest: Optional[IngestReport]
    issues: list[Issue]
    """What is wrong."""

    memory_usage: Optional[float]
    """Memory in percent."""

    sequence: int
    """Number of the stream's latest live event."""

    status: str
    """`healthy`, `degraded`, `failing` or `failed`."""

    stream_id: str
    """The stream."""

    temperature: Optional[float]
    """°C."""

    updated_at: Time
    """When this was put together."""


class StreamOverview(TypedDict):
    """How a stream is doing, for an overview."""

    backup_available: bool
    """Whether the backup could take over now."""

    issues: list[Issue]
    """What is wrong."""

    last_config_sync: Optional[Time]
    metrics: StreamFigures
    """Its figures."""

    status: str
    """`healthy`, `degraded`, `failing` or `failed`."""


class StreamRequest(TypedDict):
    """The body of `POST /api/streams/init`."""

    audio_bitrate: NotRequired[Optional[int]]
    """Audio bitrate in bits per second."""

    bitrate: int
    """Video bitrate in bits per second."""

    destination: NotRequired[Optional[DestinationRequest]]
    encoder_id: NotRequired[Optional[str]]
    """Insist on this encoder as primary."""

    fps: float
    """Pictures per second."""

    keyframe_interval_seconds: NotRequired[Optional[float]]
    """Time between key frames."""

    labels: NotRequired[dict[str, str]]
    """Free labels."""

    name: NotRequired[Optional[str]]
    """Title for people."""

    protection: NotRequired[Optional[str]]
    """`hot`, `warm`, `cold` or `none`."""

    resolution: str
    """Picture size."""


class StreamingStatus(TypedDict):
    """What the device puts out now."""

    active: Optional[bool]
    """Whether it publishes; `null` until it answered once."""

    bitrate: Optional[int]
    """Measured bits per second."""

    format: Optional[str]
    """The device's own text for what it streams."""


class SubScores(TypedDict):
    """What a score is made of, each 0 to 100, higher is better; `null` where there is nothing to judge."""

    connection: Optional[float]
    """How the device answers."""

    storage: Optional[float]
    """The fullest medium."""

    stream: Optional[float]
    """Stream and input."""

    system: Optional[float]
    """Processor, memory and temperature."""


class SuggestedAction(TypedDict):
    """What a person can do."""

    action: str
    """What to do."""

    pattern: str
    """The pattern it is for."""


class SystemFigures(TypedDict):
    """Load of the server's machine, `null` where it cannot be read."""

    cpu_percent: Optional[float]
    """Processor load since the last reading; `null` at the first one."""

    disk_used_percent: Optional[float]
    """Use of the disk that holds the database."""

    memory_used_percent: Optional[float]
    """Memory in use."""


class Thermal(TypedDict):
    """An encoder's heat."""

    burst: Burst
    """The budget for requests to it."""

    cooling: Optional[Cooling]
    cooling_active: bool
    """Whether the encoder is relieved of load."""

    encoder_id: str
    """The encoder."""

    history: list[CoolingEntry]
    """The latest transitions of its cooling, oldest first."""

    temperature: Optional[float]
    """°C, where the device reads it."""

    temperature_score: Optional[float]
    """0 to 100, higher is hotter; `null` while nothing is known of it."""


class ThermalAnswer(TypedDict):
    """The answer of `GET /api/monitoring/thermal/status`."""

    cooling: int
    """How many encoders are relieved of load."""

    encoders: list[Thermal]
    """Every encoder, by name."""

    hottest: Optional[float]
    """The highest heat in the fleet; `null` while nothing is known."""

    timestamp: Time
    """When."""


class ThermalStatus(TypedDict):
    """Heat."""

    cooling: Optional[Cooling]
    cooling_active: bool
    """Whether the encoder is relieved of load."""

    temperature_score: Optional[float]
    """0 to 100, higher is hotter; `null` while nothing is known of it."""


Time: TypeAlias = str
"""A moment: RFC 3339 in UTC with milliseconds."""


class TimeToFull(TypedDict):
    """When a medium is full."""

    earliest_seconds: float
    """Not before."""

    expected_seconds: float
    """Best guess."""

    latest_seconds: Optional[float]
    """Not after; `null` when that lies beyond what can be forecast."""


class TimelineEntry(TypedDict):
    """One transition with everything that led to it."""

    evidence: list[str]
    """What was observed."""

    incident_id: Optional[str]
    """The incident it belongs to."""

    interruption: Optional[Interruption]
    message: str
    """One line for people."""

    number: int
    """Position in the timeline, from 1."""

    phases: list[PhaseTiming]
    """Milliseconds per phase."""

    rejected: list[RejectedAlternative]
    """What else could have been done, with the reason against it."""

    request_id: NotRequired[Optional[str]]
    """The request that it was done for; left out for what the manager does by itself."""

    severity: str
    """How serious it is."""

    stream_id: str
    """The stream."""

    threshold: Optional[str]
    """The threshold that was crossed."""

    timestamp: Time
    """When."""

    transition: str
    """Name of what happened."""


class Trend(TypedDict):
    """Where a figure is heading, or why that cannot be said."""

    forecast: Optional[Forecast]
    metric: str
    """The figure, by the name that it is recorded under."""

    reason: Optional[str]
    """Why not: `noise` or `too_little_data`."""

    trend: Optional[Slope]


class Warning(TypedDict):
    """A recommendation that was not followed."""

    code: str
    """Stable name of the recommendation."""

    field: str
    """The field."""

    message: str
    """One line."""

    recommended: NotRequired[Any]
    """A better value."""
