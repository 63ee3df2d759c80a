"""What dashboards are made of: panels, variables, colours, and the page around them.

A panel has a title, a sentence for whoever wonders, a unit and queries. Places are given by flowing
panels into rows of 24 columns.
"""

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
COLUMNS = 24

GREEN, BLUE, YELLOW, ORANGE, RED, GREY = "green", "blue", "yellow", "orange", "red", "#8e8e8e"
# Who is bad when it is high, and who when it is low.
NONE_IS_GOOD = [(None, GREEN), (1, RED)]
NONE_IS_BETTER = [(None, GREEN), (1, ORANGE)]
HIGH_IS_GOOD = [(None, RED), (50, ORANGE), (80, GREEN)]
HIGH_IS_BAD = [(None, GREEN), (60, YELLOW), (80, ORANGE), (90, RED)]
FULL_IS_BAD = [(None, GREEN), (0.75, YELLOW), (0.9, ORANGE), (0.98, RED)]
PLAIN = [(None, BLUE)]

# The codes of `encoder:state:code` and `stream:state:code` in rules/recording.yml.
ENCODER_STATES = ["online", "maintenance", "cooling", "degraded", "unknown", "offline"]
STREAM_STATES = ["live", "stopping", "starting", "degraded", "failing over", "failed"]
STATE_COLORS = [GREEN, GREY, YELLOW, ORANGE, "purple", RED]

FIRST, SECOND = "A", "B"


def mapped(texts, colors):
    """Numbers from 0 as words in colours."""
    options = {
        str(number): {"index": number, "text": text, "color": color}
        for number, (text, color) in enumerate(zip(texts, colors))
    }
    return [{"type": "value", "options": options}]


NO_YES = mapped(["no", "yes"], [RED, GREEN])
YES_IS_BAD = mapped(["no", "yes"], [GREEN, RED])


def panel(kind, title, about, unit, queries, width, height, *, steps=PLAIN, defaults=None,
          options=None, overrides=None, transformations=None, instant=False):
    """A panel without its place. `queries` are pairs of PromQL and legend, where `{{label}}` works."""
    targets = []
    for number, (expr, legend) in enumerate(queries):
        target = {
            "datasource": SOURCE,
            "editorMode": "code",
            "expr": " ".join(expr.split()),
            "legendFormat": legend,
            "refId": chr(ord(FIRST) + number),
        }
        target.update({"instant": True, "range": False} if instant else {"range": True})
        if kind == "table":
            target["format"] = "table"
        targets.append(target)
    fields = {
        "color": {"mode": "thresholds"},
        "mappings": [],
        "thresholds": {
            "mode": "absolute",
            "steps": [{"color": color, "value": value} for value, color in steps],
        },
        "unit": unit,
    }
    fields.update(defaults or {})
    built = {
        "datasource": SOURCE,
        "description": " ".join(about.split()),
        "fieldConfig": {"defaults": fields, "overrides": overrides or []},
        "gridPos": {"w": width, "h": height},
        "options": options or {},
        "targets": targets,
        "title": title,
        "type": kind,
    }
    if transformations:
        built["transformations"] = transformations
    return built


def stat(title, about, unit, expr, *, steps=PLAIN, mappings=None, width=4, name=False, **defaults):
    """One figure of now. With `name`, a label of the series is shown instead of its value."""
    options = {
        "colorMode": "none" if name else "background",
        "graphMode": "none",
        "justifyMode": "center",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "textMode": "name" if name else "value",
    }
    defaults.update({"noValue": "–"})
    if mappings:
        defaults["mappings"] = mappings
    legend = "{{%s}}" % name if name else ""
    return panel("stat", title, about, unit, [(expr, legend)], width, 4,
                 steps=steps, options=options, defaults=defaults, instant=True)


def lines(title, about, unit, *queries, steps=None, width=12, height=8, limit=False, bars=False,
          stacked=False, **defaults):
    """Figures over time. With `limit`, the thresholds are drawn."""
    custom = {
        "drawStyle": "bars" if bars else "line",
        "fillOpacity": 60 if bars else 8,
        "lineInterpolation": "linear",
        "lineWidth": 1 if bars else 2,
        "showPoints": "never",
        "spanNulls": False,
        "stacking": {"mode": "normal" if stacked else "none"},
        "thresholdsStyle": {"mode": "dashed" if limit else "off"},
    }
    defaults.update({"color": {"mode": "palette-classic"}, "custom": custom})
    options = {
        "legend": {"displayMode": "list", "placement": "bottom", "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, about, unit, queries, width, height,
                 steps=steps or [(None, GREEN)], defaults=defaults, options=options)


def timeline(title, about, expr, legend, mappings, *, width=24, height=8):
    """States over time, one line for each series."""
    options = {
        "alignValue": "left",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "mergeValues": True,
        "rowHeight": 0.8,
        "showValue": "never",
        "tooltip": {"mode": "single"},
    }
    defaults = {"mappings": mappings, "custom": {"fillOpacity": 80, "lineWidth": 0}}
    return panel("state-timeline", title, about, "none", [(expr, legend)], width, height,
                 defaults=defaults, options=options)


def bars(title, about, unit, expr, legend, steps, *, width=12, height=8, **defaults):
    """Figures of now side by side."""
    options = {
        "displayMode": "basic",
        "orientation": "horizontal",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "showUnfilled": True,
        "valueMode": "color",
    }
    return panel("bargauge", title, about, unit, [(expr, legend)], width, height,
                 steps=steps, options=options, defaults=defaults, instant=True)


def table(title, about, queries, columns, *, width=24, height=9, units=None, cells=None):
    """Labels and figures of now, joined by their labels. `columns` are names of labels, or `Value #A`
    for the figure of the first query, with their headings in order."""
    overrides = []
    for name, unit in (units or {}).items():
        overrides.append(override(name, {"unit": unit}))
    for name, mappings in (cells or {}).items():
        colored = {"mappings": mappings, "custom.cellOptions": {"type": "color-text"}}
        overrides.append(override(name, colored))
    headings = dict(columns)
    single = len(queries) == 1
    if single and "Value #A" in headings:
        headings["Value"] = headings.pop("Value #A")
    order = {name: number for number, name in enumerate(headings)}
    wanted = "|".join(name.replace("#", "\\#") for name in headings)
    transformations = [
        {"id": "merge", "options": {}},
        {"id": "filterFieldsByName", "options": {"include": {"pattern": f"^({wanted})$"}}},
        {"id": "organize", "options": {"indexByName": order, "renameByName": headings,
                                       "excludeByName": {}}},
    ]
    options = {"cellHeight": "sm", "showHeader": True}
    return panel("table", title, about, "none", [(expr, "") for expr in queries], width, height,
                 options=options, overrides=overrides, transformations=transformations,
                 defaults={"noValue": "–"}, instant=True)


def override(name, properties):
    return {
        "matcher": {"id": "byName", "options": name},
        "properties": [{"id": key, "value": value} for key, value in properties.items()],
    }


def chosen(name, label, query, *, several=True):
    """A variable whose values are a label's."""
    built = {
        "current": {},
        "datasource": SOURCE,
        "definition": query,
        "hide": 0,
        "includeAll": several,
        "label": label,
        "multi": several,
        "name": name,
        "query": {"query": query, "refId": "Variable"},
        "refresh": 2,
        "regex": "",
        "sort": 7,
        "type": "query",
    }
    if several:
        built["current"] = {"selected": True, "text": ["All"], "value": ["$__all"]}
    return built


WHERE_FROM = {
    "current": {},
    "hide": 0,
    "label": "Prometheus",
    "name": "datasource",
    "query": "prometheus",
    "refresh": 1,
    "regex": "",
    "type": "datasource",
}
SITE = chosen("site", "Site", "label_values(encoder_info, site)")
# "All" stands for the encoders of the chosen sites.
ENCODERS = chosen("encoder", "Encoder", 'label_values(encoder_info{site=~"$site"}, encoder_id)')
ENCODER = chosen("encoder", "Encoder", 'label_values(encoder_info{site=~"$site"}, encoder_id)',
                 several=False)
STREAMS = chosen("stream", "Stream", "label_values(encoder_stream_state, stream_id)")


def placed(panels):
    """Panels side by side while they fit."""
    x = y = tallest = 0
    for number, one in enumerate(panels, 1):
        place = one["gridPos"]
        if x + place["w"] > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        place.update({"x": x, "y": y})
        x += place["w"]
        tallest = max(tallest, place["h"])
        one["id"] = number
    return panels


def dashboard(name, title, about, variables, panels, span="now-6h"):
    return {
        "annotations": {"list": [MOVES]},
        "description": " ".join(about.split()),
        "editable": True,
        "fiscalYearStartMonth": 0,
        "graphTooltip": 1,
        "id": None,
        "links": [{
            "asDropdown": False,
            "icon": "external link",
            "includeVars": True,
            "keepTime": True,
            "tags": ["encoder-manager"],
            "targetBlank": False,
            "title": "Encoder manager",
            "tooltip": "",
            "type": "dashboards",
            "url": "",
        }],
        "panels": placed(panels),
        "refresh": "5s",
        "schemaVersion": 38,
        "tags": ["encoder-manager"],
        "templating": {"list": [WHERE_FROM, *variables]},
        "time": {"from": span, "to": "now"},
        "timepicker": {},
        "timezone": "",
        "title": title,
        "uid": f"encoder-{name}",
        "version": 1,
    }


# Failovers, as lines through every panel with time.
MOVES = {
    "datasource": SOURCE,
    "enable": True,
    "expr": "sum by (reason, result) (encoder_failovers:increase5m) > 0",
    "iconColor": "purple",
    "name": "Failovers",
    "step": "15s",
    "tagKeys": "reason,result",
    "titleFormat": "Failover",
}
