"""Methods about how everything is doing."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, Optional, Union

from ..documents import (
    Alert,
    AlertSinks,
    Certificate,
    Certificates,
    DetailedHealth,
    EncoderAssignments,
    ErrorAnalysis,
    Figures,
    LoadBalancer,
    MonitoringStatus,
    Notification,
    PageAlert,
    PageNotification,
    PerformanceMonitor,
    Silence,
    SilenceRequest,
    Silences,
    SinkTest,
    Storage,
    StreamOverview,
    Thermal,
    ThermalAnswer,
)
from ._exchange import Ask
from ._operation import AsyncGroup, BlockingGroup, operation, pages
from ._read import When, document, joined, moment, text

__all__ = ["BlockingMonitoring", "Monitoring"]


class MonitoringMethods:
    """How everything is doing."""

    subject = "monitoring"

    @operation("GET", "/api/monitoring/status")
    def status(self) -> Ask[MonitoringStatus]:
        """The whole in short: the worst state, counts of encoders and streams, the server."""
        return Ask(document(MonitoringStatus))

    @operation("GET", "/health/detailed")
    def health(self) -> Ask[DetailedHealth]:
        """The health of the server's machine, its services and every encoder."""
        return Ask(document(DetailedHealth))

    @operation("GET", "/api/monitoring/alerts")
    def alerts(
        self,
        *,
        state: Optional[str] = None,
        severity: Optional[str] = None,
        category: Optional[str] = None,
        encoder_id: Optional[str] = None,
        since: Optional[When] = None,
        until: Optional[When] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Ask[PageAlert]:
        """One page of the alerts, newest first."""
        asked = {"state": state, "severity": severity, "category": category}
        return Ask(
            document(PageAlert),
            query={
                **asked,
                "encoder_id": encoder_id,
                **_span(since, until),
                **_page(limit, cursor),
            },
        )

    iterate_alerts = pages(alerts, lambda page: page["items"])

    @operation("POST", "/api/monitoring/alerts/{id}/acknowledge")
    def acknowledge(self, id: str) -> Ask[Alert]:
        """Says that somebody takes care of an alert."""
        return Ask(document(Alert), {"id": id})

    @operation("GET", "/api/monitoring/silences")
    def silences(self) -> Ask[Silences]:
        """Every silence, newest first."""
        return Ask(document(Silences))

    @operation("POST", "/api/monitoring/silences")
    def silence(self, request: SilenceRequest) -> Ask[Silence]:
        """Keeps alerts from being told for a time."""
        return Ask(document(Silence), body=request)

    @operation("DELETE", "/api/monitoring/silences/{id}")
    def end_silence(self, id: str) -> Ask[Silence]:
        """Ends a silence now."""
        return Ask(document(Silence), {"id": id})

    @operation("GET", "/api/monitoring/notifications")
    def notifications(
        self,
        *,
        sink: Optional[str] = None,
        state: Optional[str] = None,
        since: Optional[When] = None,
        until: Optional[When] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Ask[PageNotification]:
        """One page of the notices that people got or shall get, newest first."""
        asked = {"sink": sink, "state": state}
        return Ask(
            document(PageNotification),
            query={**asked, **_span(since, until), **_page(limit, cursor)},
        )

    iterate_notifications = pages(notifications, lambda page: page["items"])

    @operation("POST", "/api/monitoring/notifications/{id}/retry")
    def retry_notification(self, id: str) -> Ask[Notification]:
        """Sends a notice again to the sinks that did not take it."""
        return Ask(document(Notification), {"id": id})

    @operation("GET", "/api/monitoring/sinks")
    def sinks(self) -> Ask[AlertSinks]:
        """Where notices go: mail, Telegram, webhooks, Alertmanager."""
        return Ask(document(AlertSinks))

    @operation("POST", "/api/monitoring/sinks/{id}/test")
    def test_sink(self, name: str) -> Ask[SinkTest]:
        """Sends a notice for trying to one sink, and says whether it arrived."""
        return Ask(document(SinkTest), {"id": name})

    @operation("GET", "/api/monitoring/errors")
    def errors(
        self,
        *,
        pattern: Optional[str] = None,
        encoder_id: Optional[str] = None,
        site: Optional[str] = None,
        destination: Optional[str] = None,
        severity: Optional[str] = None,
        since: Optional[When] = None,
        until: Optional[When] = None,
        limit: Optional[int] = None,
        cursor: Optional[str] = None,
    ) -> Ask[ErrorAnalysis]:
        """What goes wrong, what it has in common, and what is probably behind it. ``limit`` and
        ``cursor`` are those of the page under ``history``."""
        where = {"encoder_id": encoder_id, "site": site, "destination": destination}
        asked = {"pattern": pattern, **where, "severity": severity}
        return Ask(
            document(ErrorAnalysis),
            query={**asked, **_span(since, until), **_page(limit, cursor)},
        )

    @operation("GET", "/api/monitoring/storage")
    def storage(self, *, encoder_id: Optional[str] = None) -> Ask[Storage]:
        """Recording media, how fast they fill, and restarts."""
        return Ask(document(Storage), query={"encoder_id": encoder_id})

    @operation("GET", "/api/monitoring/certificates")
    def certificates(self) -> Ask[Certificates]:
        """The certificates that are watched."""
        return Ask(document(Certificates))

    @operation("POST", "/api/monitoring/certificates/{target}/renew")
    def renew_certificate(self, target: str) -> Ask[Certificate]:
        """Begins to renew a certificate. It needs the scope ``admin``."""
        return Ask(document(Certificate), {"target": target})

    @operation("GET", "/api/monitoring/performance")
    def performance(
        self,
        *,
        encoder_id: Optional[str] = None,
        since: Optional[When] = None,
        until: Optional[When] = None,
        step: Optional[float] = None,
        metrics: Union[str, Iterable[str], None] = None,
    ) -> Ask[PerformanceMonitor]:
        """Latencies, rates, queues, trends and forecasts."""
        asked = {"encoder_id": encoder_id, "step": step, "metric": joined(metrics)}
        return Ask(document(PerformanceMonitor), query={**asked, **_span(since, until)})

    @operation("GET", "/api/monitoring/thermal/status")
    def thermal(self) -> Ask[ThermalAnswer]:
        """How warm every encoder is, and which ones are cooled."""
        return Ask(document(ThermalAnswer))

    @operation("GET", "/api/monitoring/thermal/{id}/temperature")
    def temperature(self, id: str) -> Ask[Thermal]:
        """How warm an encoder is."""
        return Ask(document(Thermal), {"id": id})

    @operation("POST", "/api/monitoring/thermal/{id}/cooldown")
    def cool_down(self, id: str) -> Ask[Thermal]:
        """Begins to cool an encoder. It raises ``ConflictError`` where that is done already."""
        return Ask(document(Thermal), {"id": id})

    @operation("GET", "/api/monitoring/load-balancer")
    def load_balancer(self) -> Ask[LoadBalancer]:
        """Who may get a stream, and who would."""
        return Ask(document(LoadBalancer))

    @operation("GET", "/api/monitoring/metrics")
    def figures(self) -> Ask[Figures]:
        """The figures for Prometheus as a document."""
        return Ask(document(Figures))

    @operation("GET", "/metrics")
    def prometheus(self) -> Ask[str]:
        """The figures as Prometheus reads them."""
        return Ask(text, headers={"Accept": "text/plain"})

    @operation("GET", "/api/monitoring/streams/health")
    def streams_health(self) -> Ask[Dict[str, StreamOverview]]:
        """Every stream that runs, in short, by id."""
        return Ask(document(Dict[str, StreamOverview]))

    @operation("GET", "/api/monitoring/streams/config/{encoder_id}")
    def assignments(self, encoder_id: str) -> Ask[EncoderAssignments]:
        """What an encoder serves, and who protects it."""
        return Ask(document(EncoderAssignments), {"encoder_id": encoder_id})


class Monitoring(MonitoringMethods, AsyncGroup):
    """How everything is doing."""


class BlockingMonitoring(MonitoringMethods, BlockingGroup):
    """How everything is doing."""


def _span(since: Optional[When], until: Optional[When]) -> Mapping[str, Any]:
    return {"from": moment("since", since), "to": moment("until", until)}


def _page(limit: Optional[int], cursor: Optional[str]) -> Mapping[str, Any]:
    return {"limit": limit, "cursor": cursor}
