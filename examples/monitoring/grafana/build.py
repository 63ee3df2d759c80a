#!/usr/bin/env python3
"""Writes the dashboards: `build.py` into the folder beside it, `build.py --check` compares only.

A dashboard is a list of panels. Nothing is shown that no query returned: a reading that a device
does not give is a gap, not a zero.
"""

import json
import pathlib
import sys

from panels import (
    ENCODER, ENCODERS, ENCODER_STATES, FULL_IS_BAD, GREEN, GREY, HIGH_IS_GOOD, NONE_IS_BETTER,
    NONE_IS_GOOD, NO_YES, ORANGE, RED, SITE, STATE_COLORS, STREAMS, STREAM_STATES, YELLOW, bars,
    dashboard, lines, mapped, stat, table, timeline,
)

FOLDER = pathlib.Path(__file__).parent / "dashboards"

# A count of what is wrong: none is zero as long as the manager tells anything at all.
NOTHING = "or 0 * count(encoder_build_info)"
EVERY = '{encoder_id=~"$encoder"}'


def by_encoder(metric, how="max"):
    return f"{how} by (encoder_id) ({metric}{EVERY})"


def fleet():
    from_here = 'encoder:site:info{encoder_id=~"$encoder"}'
    return dashboard(
        "fleet", "Encoder fleet",
        "What is wrong now, and where every encoder stands. The first row is for the wall.",
        [SITE, ENCODERS],
        [
            stat("On air", "Streams that are live, with or without a fault.", "none",
                 'max(sum by (instance) (encoder_streams{state=~"live|degraded"})) ' + NOTHING),
            stat("Off air", "Streams between two encoders, not yet started, given up, or on an encoder "
                 "that does not answer.", "none",
                 f"count(stream:off_air:bool == 1) {NOTHING}", steps=NONE_IS_GOOD),
            stat("Without backup", "Streams on air that nothing could take over.", "none",
                 "count(max by (stream_id) (encoder_stream_backup_ready) == 0) " + NOTHING,
                 steps=NONE_IS_BETTER),
            stat("Encoders offline", "Encoders that do not answer.", "none",
                 f"sum(encoder:offline:bool{EVERY})", steps=NONE_IS_GOOD),
            stat("Cooling", "Encoders that get less work because they are hot or busy.", "none",
                 f"count({by_encoder('encoder_cooling_step')} > 0) {NOTHING}", steps=NONE_IS_BETTER),
            stat("Manager", "Whether the manager answers. Without it nothing fails over.", "none",
                 'max(up{job="encoder-manager"})', mappings=mapped(["down", "up"], [RED, GREEN])),
            timeline("Encoders", "The state of every encoder. A gap is a time in which nothing was "
                     "told.", f"encoder:state:code{EVERY}", "{{encoder_id}}",
                     mapped(ENCODER_STATES, STATE_COLORS)),
            table("Each encoder", "Readings of now. A dash is a reading that the device does not give.",
                  [
                      f"max by (encoder_id, site, driver, firmware) (encoder_info{EVERY})",
                      f"encoder:state:code{EVERY}",
                      by_encoder("encoder_health_score", "min"),
                      by_encoder("encoder_temperature_celsius"),
                      by_encoder("encoder_streaming"),
                      f"time() - {by_encoder('encoder_last_contact_timestamp_seconds')}",
                  ],
                  [("encoder_id", "Encoder"), ("site", "Site"), ("driver", "Driver"),
                   ("firmware", "Firmware"), ("Value #B", "State"), ("Value #C", "Health"),
                   ("Value #D", "Temperature"), ("Value #E", "Streams"), ("Value #F", "Last contact")],
                  units={"Temperature": "celsius", "Last contact": "s"},
                  cells={"State": mapped(ENCODER_STATES, STATE_COLORS),
                         "Streams": mapped(["no", "yes"], [GREY, GREEN])}),
            bars("Health", "0 to 100, higher is better.", "none", by_encoder("encoder_health_score", "min"),
                 "{{encoder_id}}", HIGH_IS_GOOD, min=0, max=100),
            table("Alerts", "What Prometheus tells about the fleet now. The runbook of each is in the "
                  "documentation under its name.",
                  ['count by (severity, alertname, site, encoder_id, stream_id, target) '
                   '(ALERTS{service="encoder-manager", alertstate="firing"})'],
                  [("severity", "Severity"), ("alertname", "Alert"), ("site", "Site"),
                   ("encoder_id", "Encoder"), ("stream_id", "Stream"), ("target", "Certificate")],
                  width=12, height=8),
        ])


def encoder():
    one = '{encoder_id="$encoder"}'

    def its(metric, how="max"):
        return f"{how} by (encoder_id) ({metric}{one})"

    return dashboard(
        "one", "One encoder", "Everything that is known of one encoder.", [SITE, ENCODER],
        [
            stat("State", "Where it stands.", "none", f"encoder:state:code{one}",
                 mappings=mapped(ENCODER_STATES, STATE_COLORS)),
            stat("Stream", "What it publishes, or would take over.", "none",
                 f"max by (stream_id) (encoder_stream_encoder_info{one})", name="stream_id"),
            stat("Health", "0 to 100, higher is better.", "none", its("encoder_health_score", "min"),
                 steps=HIGH_IS_GOOD),
            stat("Temperature", "As the device reads it.", "celsius", its("encoder_temperature_celsius"),
                 steps=[(None, GREEN), (75, YELLOW), (80, ORANGE), (90, RED)]),
            stat("Last contact", "Time since it last answered.", "s",
                 f"time() - {its('encoder_last_contact_timestamp_seconds')}",
                 steps=[(None, GREEN), (10, ORANGE), (60, RED)]),
            stat("Firmware", "As the device tells it.", "none",
                 f"max by (firmware) (encoder_info{one})", name="firmware"),
            timeline("What was wrong", "Every issue while it held, by its code.",
                     f"max by (code) (encoder_issue{one})", "{{code}}",
                     mapped(["", "holds"], [GREEN, RED]), height=7),
            lines("Scores", "Health and connection: higher is better. Heat: higher is hotter.", "none",
                  (its("encoder_health_score", "min"), "health"),
                  (its("encoder_connection_health_score", "min"), "connection"),
                  (its("encoder_heat_score"), "heat"), min=0, max=100),
            lines("Time to answer", "Of status polls: the middle, and the slowest of a hundred.", "s",
                  (f"histogram_quantile(0.5, sum by (le) "
                   f"(rate(encoder_request_duration_seconds_bucket{one}[$__rate_interval])))", "p50"),
                  (f"histogram_quantile(0.99, sum by (le) "
                   f"(rate(encoder_request_duration_seconds_bucket{one}[$__rate_interval])))", "p99"),
                  min=0),
            lines("Failed requests", "By kind of failure.", "reqps",
                  (f"sum by (kind) (rate(encoder_request_failures_total{one}[$__rate_interval]))",
                   "{{kind}}"), bars=True, stacked=True, min=0),
            lines("Output", "What leaves the device, where it measures that.", "bps",
                  (its("encoder_output_bits_per_second"), "bitrate"), min=0),
            lines("Pictures", "Pictures a second that leave it and that it drops, where it counts them.",
                  "none",
                  (its("encoder_output_frames_per_second"), "sent"),
                  (f"sum by (encoder_id) (rate(encoder_output_dropped_frames_total{one}[$__rate_interval]))",
                   "dropped"), min=0),
            lines("Processor and memory", "Share in use, where the device reads it.", "percentunit",
                  (its("encoder_cpu_ratio"), "processor"), (its("encoder_memory_ratio"), "memory"),
                  min=0, max=1),
        ], span="now-1h")


def streams():
    every = '{stream_id=~"$stream"}'

    def has(role):
        """The encoder of that role, in a label of its name, so that each stream is one row."""
        info = f'encoder_stream_encoder_info{{stream_id=~"$stream", role="{role}"}}'
        return f'max by (stream_id, {role}) (label_replace({info}, "{role}", "$1", "encoder_id", "(.*)"))'

    return dashboard(
        "streams", "Streams and failovers", "Who is on air, who stands by, and what moved why.",
        [STREAMS],
        [
            stat("On air", "Streams that are live, with or without a fault.", "none",
                 'max(sum by (instance) (encoder_streams{state=~"live|degraded"})) ' + NOTHING),
            stat("Without backup", "Streams on air that nothing could take over.", "none",
                 f"count(max by (stream_id) (encoder_stream_backup_ready{every}) == 0) {NOTHING}",
                 steps=NONE_IS_BETTER),
            stat("Failovers", "Moves since the manager started, whoever asked for them.", "none",
                 f'sum(encoder_failovers_total{{result="succeeded"}}) {NOTHING}', decimals=0),
            stat("Failed failovers", "Moves since the manager started that did not succeed.", "none",
                 f'sum(encoder_failovers_total{{result="failed"}}) {NOTHING}', steps=NONE_IS_GOOD,
                 decimals=0),
            stat("Slow failover", "Nineteen of twenty of a day were on air again within this time.", "s",
                 'max(encoder_failover_duration_seconds:p95_1d{phase="total"})',
                 steps=[(None, GREEN), (5, YELLOW), (10, ORANGE)]),
            stat("Rehearsals", "Drills since the manager started.", "none",
                 f"sum(encoder_drills_total) {NOTHING}", decimals=0),
            timeline("Streams", "The state of every stream.", f"stream:state:code{every}",
                     "{{stream_id}}", mapped(STREAM_STATES, [GREEN, GREY, YELLOW, ORANGE, "purple", RED])),
            table("Who does what", "The encoders of every stream. A dash: without protection there is no "
                  "backup to be ready.",
                  [has("primary"), has("backup"),
                   f"max by (stream_id, protection) (encoder_stream_protection{every} == 1)",
                   f"min by (stream_id) (encoder_stream_backup_ready{every})"],
                  [("stream_id", "Stream"), ("primary", "Primary"), ("backup", "Backup"),
                   ("protection", "Protection"), ("Value #D", "Backup ready")],
                  cells={"Backup ready": NO_YES}),
            timeline("What was wrong", "Every issue of a stream and of its encoder while it held.",
                     f"max by (stream_id, code) (encoder_stream_issue{every})", "{{stream_id}} {{code}}",
                     mapped(["", "holds"], [GREEN, RED]), height=7),
            lines("Failovers by reason", "Each counts for five minutes.", "none",
                  ('sum by (reason, result) (encoder_failovers:increase5m)', "{{reason}} {{result}}"),
                  bars=True, stacked=True, min=0, decimals=0),
            lines("Failover by phase", "Nineteen of twenty of a day were quicker: detect and decide are "
                  "the manager's time, start and confirm the device's.", "s",
                  ("encoder_failover_duration_seconds:p95_1d", "{{phase}}"), min=0),
            lines("Bitrate", "As the device measures it, otherwise what its ingest receives.", "bps",
                  (f"max by (stream_id) (encoder_stream_bits_per_second{every})", "{{stream_id}}"), min=0),
            lines("Dropped pictures", "Where the device counts them.", "none",
                  (f"sum by (stream_id) (rate(encoder_stream_dropped_frames_total{every}[$__rate_interval]))",
                   "{{stream_id}}"), min=0),
            lines("Interruption at the ingest", "How long nothing of a moving stream arrived, where an "
                  "ingest is asked: nine of ten since the start were shorter.", "s",
                  ("histogram_quantile(0.9, sum by (trigger, le) "
                   "(encoder_ingest_interruption_seconds_bucket))", "{{trigger}}"),
                  min=0),
            lines("Repairs", "Steps in place of, or before, a failover.", "none",
                  ("encoder_remediation_steps:increase5m",
                   "{{kind}} {{outcome}}"), bars=True, stacked=True, min=0, decimals=0),
        ])


def heat():
    return dashboard(
        "heat", "Heat", "How hot encoders are, and how they are relieved of load.", [SITE, ENCODERS],
        [
            stat("Hottest", "The highest temperature that a device reads.", "celsius",
                 f"max(encoder_temperature_celsius{EVERY})", width=6,
                 steps=[(None, GREEN), (75, YELLOW), (80, ORANGE), (90, RED)]),
            stat("Cooling", "Encoders that get less work.", "none",
                 f"count({by_encoder('encoder_cooling_step')} > 0) {NOTHING}", width=6,
                 steps=NONE_IS_BETTER),
            stat("Coolings", "Since the manager started, for any reason.", "none",
                 f"sum(encoder_coolings_total{EVERY}) {NOTHING}", width=6, decimals=0),
            stat("Request budget", "The largest share of a burst limit in use.", "percentunit",
                 f"max(encoder_burst_used{EVERY} / (encoder_burst_limit{EVERY} > 0))", width=6,
                 steps=[(None, GREEN), (0.75, ORANGE), (1, RED)]),
            lines("Temperature", "As the device reads it.", "celsius",
                  (by_encoder("encoder_temperature_celsius"), "{{encoder_id}}"),
                  steps=[(None, GREEN), (80, ORANGE), (90, RED)], limit=True),
            lines("Heat", "0 to 100: temperature, requests, errors and load in one figure.", "none",
                  (by_encoder("encoder_heat_score"), "{{encoder_id}}"),
                  steps=[(None, GREEN), (80, ORANGE)], limit=True, min=0, max=100),
            timeline("Steps of cooling", "How far the share of load is reduced, in steps; 0 is not at all.",
                     f"{by_encoder('encoder_cooling_step')}", "{{encoder_id}}",
                     mapped(["0", "1", "2", "3", "4", "5"],
                            [GREEN, "#f2cc0c", YELLOW, ORANGE, "#e24d42", RED])),
            lines("Why encoders cool", "Coolings that began, by reason.", "none",
                  (f"sum by (reason) (encoder_coolings:increase5m{EVERY})", "{{reason}}"),
                  bars=True, stacked=True, min=0, decimals=0),
            lines("Warm-ups", "Ways back to the whole share of load.", "none",
                  (f"encoder_warm_ups:increase5m{EVERY}", "{{encoder_id}}"),
                  bars=True, stacked=True, min=0, decimals=0),
            lines("Request budget by encoder", "Share of the burst limit in use.", "percentunit",
                  (f"max by (encoder_id) (encoder_burst_used{EVERY} / (encoder_burst_limit{EVERY} > 0))",
                   "{{encoder_id}}"), steps=[(None, GREEN), (1, RED)], limit=True, min=0),
            lines("Fan", "Where the device reads it.", "rotrpm",
                  (by_encoder("encoder_fan_rpm", "min"), "{{encoder_id}}"), min=0),
        ])


def pool():
    def rate(metric, by="encoder_id"):
        return f"sum by ({by}) (rate({metric}{EVERY}[$__rate_interval]))"

    return dashboard(
        "pool", "Connections", "How the manager reaches its encoders.", [SITE, ENCODERS],
        [
            stat("Open", "Connections to encoders.", "none",
                 f"sum(encoder_pool_open_connections{EVERY})", width=6),
            stat("Reused", "Share of requests over a connection that was open already.", "percentunit",
                 f"sum(rate(encoder_pool_requests_reused_total{EVERY}[5m])) / "
                 f"(sum(rate(encoder_request_duration_seconds_count{EVERY}[5m])) > 0)",
                 width=6, steps=[(None, ORANGE), (0.8, GREEN)], max=1),
            stat("Slowest", "The highest of the times that 99 of 100 polls stayed below.", "s",
                 f"max(encoder:request_duration_seconds:p99_5m{EVERY})", width=6,
                 steps=[(None, GREEN), (0.25, YELLOW), (1, RED)]),
            stat("Patterns", "Encoders whose connection flaps, loses requests at a period, or degrades.",
                 "none", f"count({by_encoder('encoder_connection_patterns')} > 0) {NOTHING}", width=6,
                 steps=NONE_IS_BETTER),
            lines("Connections", "Open, and of these waiting for the next request.", "none",
                  (f"sum(encoder_pool_open_connections{EVERY})", "open"),
                  (f"sum(encoder_pool_idle_connections{EVERY})", "idle"), min=0, decimals=0),
            lines("Turnover", "Connections opened and closed. Steady turnover means that nothing is kept.",
                  "ops",
                  (f"sum(rate(encoder_pool_connections_opened_total{EVERY}[$__rate_interval]))", "opened"),
                  (f"sum(rate(encoder_pool_connections_closed_total{EVERY}[$__rate_interval]))", "closed"),
                  min=0),
            lines("Oldest connection", "Its age, by encoder.", "s",
                  (by_encoder("encoder_pool_oldest_connection_seconds"), "{{encoder_id}}"), min=0),
            lines("Time to answer", "99 of 100 polls stayed below.", "s",
                  (f"encoder:request_duration_seconds:p99_5m{EVERY}", "{{encoder_id}}"), min=0),
            lines("Failed requests", "By kind of failure.", "reqps",
                  (rate("encoder_request_failures_total", "kind"), "{{kind}}"),
                  bars=True, stacked=True, min=0),
            lines("Connection health", "0 to 100, higher is better.", "none",
                  (by_encoder("encoder_connection_health_score", "min"), "{{encoder_id}}"),
                  steps=[(None, RED), (50, GREEN)], limit=True, min=0, max=100),
            lines("Stability", "1 never changes between answered and not, 0 with every request.",
                  "percentunit",
                  (by_encoder("encoder_connection_stability_ratio", "min"), "{{encoder_id}}"),
                  min=0, max=1),
            lines("Reconnects", "Event feeds that came up again, and returns after silence.", "none",
                  (f"sum(increase(encoder_connection_feed_reconnects_total{EVERY}[5m]))", "event feed"),
                  (f"sum(increase(encoder_connection_returns_total{EVERY}[5m]))", "after silence"),
                  bars=True, min=0, decimals=0),
        ], span="now-1h")


def storage():
    medium = "{{encoder_id}} {{medium}}"
    return dashboard(
        "storage", "Storage", "Recording media and restarts.", [SITE, ENCODERS],
        [
            stat("Fullest", "Share in use of the fullest medium.", "percentunit",
                 f"max(encoder_medium_used_ratio{EVERY})", width=6, steps=FULL_IS_BAD),
            stat("Not ready", "Media that an encoder shows and cannot record to now.", "none",
                 f"count(encoder_medium_ready{EVERY} == 0) {NOTHING}", width=6, steps=NONE_IS_BETTER),
            stat("Reboot loops", "Encoders that restart again and again, and get no streams.", "none",
                 f"sum(encoder_reboot_loop{EVERY})", width=6, steps=NONE_IS_GOOD),
            stat("Restarts", "Of all encoders, as far as they were noticed.", "none",
                 f"sum(encoder_reboots_total{EVERY}) {NOTHING}", width=6, decimals=0),
            bars("Used", "By medium.", "percentunit",
                 f"max by (encoder_id, medium) (encoder_medium_used_ratio{EVERY})", medium, FULL_IS_BAD,
                 min=0, max=1),
            table("Each medium", "Size, free space and whether it can be recorded to.",
                  [f"max by (encoder_id, medium) (encoder_medium_size_bytes{EVERY})",
                   f"min by (encoder_id, medium) (encoder_medium_free_bytes{EVERY})",
                   f"min by (encoder_id, medium) (encoder_medium_ready{EVERY})"],
                  [("encoder_id", "Encoder"), ("medium", "Medium"), ("Value #A", "Size"),
                   ("Value #B", "Free"), ("Value #C", "Ready")], width=12, height=8,
                  units={"Size": "decbytes", "Free": "decbytes"}, cells={"Ready": NO_YES}),
            lines("Free", "Space left, by medium.", "decbytes",
                  (f"min by (encoder_id, medium) (encoder_medium_free_bytes{EVERY})", medium), min=0),
            lines("Restarts by encoder", "Restarts that were noticed.", "none",
                  (f"encoder_reboots:increase5m{EVERY}", "{{encoder_id}}"),
                  bars=True, stacked=True, min=0, decimals=0),
            timeline("What was wrong with media", "Issues of media and recordings while they held.",
                     'max by (encoder_id, code) (encoder_issue{encoder_id=~"$encoder", '
                     'code=~"storage_.+|recording_.+|media_.+"})', "{{encoder_id}} {{code}}",
                     mapped(["", "holds"], [GREEN, RED]), height=7),
        ])


def manager():
    return dashboard(
        "manager", "Encoder manager", "The server itself: requests, live feed, notifications and "
        "certificates.", [],
        [
            stat("Version", "Of the manager that answers.", "none", "max by (version) (encoder_build_info)",
                 name="version"),
            stat("Up since", "Time since its last start.", "s",
                 'time() - max(process_start_time_seconds{job="encoder-manager"})'),
            stat("Oldest look", "Time since the encoder looked at least recently was looked at.", "s",
                 "time() - min(encoder_watcher_last_pass_timestamp_seconds)",
                 steps=[(None, GREEN), (30, ORANGE), (60, RED)]),
            stat("Failing answers", "Share of requests that failed by a fault of the server.",
                 "percentunit", "max(encoder_server:errors:ratio_rate5m)",
                 steps=[(None, GREEN), (0.01, ORANGE), (0.05, RED)]),
            stat("Live clients", "Connections to the live feed.", "none",
                 f"sum(encoder_server_clients) {NOTHING}", decimals=0),
            stat("First certificate to end", "Time left.", "s",
                 "min(encoder_certificate_expiry_timestamp_seconds) - time()",
                 steps=[(None, RED), (3 * 86400, ORANGE), (14 * 86400, YELLOW), (30 * 86400, GREEN)]),
            lines("Requests", "By class of status.", "reqps",
                  ("sum by (status_class) "
                   "(rate(encoder_server_request_duration_seconds_count[$__rate_interval]))",
                   "{{status_class}}"), stacked=True, min=0),
            lines("Time to answer", "The middle, and the slowest of a hundred.", "s",
                  ("histogram_quantile(0.5, sum by (le) "
                   "(rate(encoder_server_request_duration_seconds_bucket[$__rate_interval])))", "p50"),
                  ("histogram_quantile(0.99, sum by (le) "
                   "(rate(encoder_server_request_duration_seconds_bucket[$__rate_interval])))", "p99"),
                  min=0),
            lines("Live feed", "From the observation to the client's socket; 99 of 100 were quicker.", "s",
                  ("histogram_quantile(0.99, sum by (le) "
                   "(rate(encoder_event_delivery_duration_seconds_bucket[$__rate_interval])))", "p99"),
                  min=0),
            lines("Refused for asking too often", "By what the limit counts.", "reqps",
                  ("sum by (scope) (rate(encoder_server_rate_limited_total[$__rate_interval]))",
                   "{{scope}}"), min=0),
            lines("Notifications", "By sink and result.", "none",
                  ("sum by (sink, result) (increase(encoder_alert_notifications_total[5m]))",
                   "{{sink}} {{result}}"), bars=True, stacked=True, min=0, decimals=0),
            lines("Notifications that wait", "By sink.", "none",
                  ("max by (sink) (encoder_alert_queue_length)", "{{sink}}"), min=0, decimals=0),
            lines("Processor", "Processors in use.", "none",
                  ('sum by (instance) (rate(process_cpu_seconds_total{job="encoder-manager"}'
                   '[$__rate_interval]))', "{{instance}}"), width=8, min=0),
            lines("Memory", "Resident.", "bytes",
                  ('max by (instance) (process_resident_memory_bytes{job="encoder-manager"})',
                   "{{instance}}"), width=8, min=0),
            lines("Open files", "Files and sockets.", "none",
                  ('max by (instance) (process_open_fds{job="encoder-manager"})', "{{instance}}"),
                  width=8, min=0, decimals=0),
            table("Certificates", "What is presented, by target.",
                  ["min by (target) (encoder_certificate_expiry_timestamp_seconds) - time()",
                   "min by (target) (encoder_certificate_valid)"],
                  [("target", "Target"), ("Value #A", "Time left"), ("Value #B", "Valid")],
                  units={"Time left": "s"}, cells={"Valid": NO_YES}, height=6),
        ])


def main(arguments):
    stale = []
    for built in [fleet(), encoder(), streams(), heat(), pool(), storage(), manager()]:
        path = FOLDER / f"{built['uid'].removeprefix('encoder-')}.json"
        text = json.dumps(built, indent=2, ensure_ascii=False) + "\n"
        if arguments == ["--check"]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(path.name)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"{', '.join(stale)}: not what build.py writes; run examples/monitoring/grafana/build.py")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
