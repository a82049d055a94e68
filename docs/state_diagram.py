"""Draw the states as SVG.

The positions are defined here; the transitions are checked against `models/states.py`.
"""

from __future__ import annotations

from django_vton.models.states import ACTIVE, ALLOWED_SOURCES, State

WIDTH, HEIGHT = 116, 36

CENTERS = {
    State.QUEUED: (80, 120),
    State.SUBMITTING: (255, 120),
    State.UNKNOWN: (355, 215),
    State.SUBMITTED: (455, 120),
    State.RENDERED: (630, 120),
    State.COMPLETED: (822, 120),
    State.FAILED: (255, 335),
    State.CANCELED: (630, 335),
}
"""The center of each box."""

ARROWS = {
    (State.QUEUED, State.SUBMITTING): ("M138,120 H195", "claimed", (168, 112)),
    (State.SUBMITTING, State.SUBMITTED): ("M313,120 H395", "accepted", (355, 112)),
    (State.SUBMITTED, State.RENDERED): ("M513,120 H570", "ready", (542, 112)),
    (State.RENDERED, State.COMPLETED): ("M688,120 H762", "stored", (736, 112)),
    (State.SUBMITTING, State.UNKNOWN): ("M265,138 C270,180 280,205 295,212", "response lost", (228, 180)),
    (State.UNKNOWN, State.SUBMITTED): ("M413,212 C435,205 445,180 450,140", "found", (412, 176)),
    (State.SUBMITTING, State.QUEUED): ("M240,102 C220,72 120,72 100,100", "refused: again later", (170, 70)),
    (State.UNKNOWN, State.QUEUED): ("M297,222 C180,232 110,200 88,140", "refused after all", (190, 245)),
    (State.QUEUED, State.SUBMITTED): (
        "M95,102 C120,40 420,40 450,100",
        "refused, and yet accepted",
        (330, 66),
    ),
    (State.QUEUED, State.COMPLETED): (
        "M60,102 C60,0 780,0 818,100",
        "shares a render that is ready",
        (440, 20),
    ),
    (State.FAILED, State.QUEUED): ("M197,335 C90,335 60,250 65,140", "reopened", (52, 300)),
    (State.FAILED, State.SUBMITTED): ("M313,330 C440,322 480,240 468,140", "found after all", (450, 330)),
}
"""Each transition: the path of its arrow, its label and the position of the label."""

FRAME = (12, 48, 694, 206)
FROM_FRAME = {State.FAILED: "M255,254 V315", State.CANCELED: "M630,254 V315"}
"""Arrows that start at the frame: these states may follow each state inside it."""

STYLE = """
.states { --line: var(--color-foreground-secondary, #555); }
.states text { fill: var(--color-foreground-primary, #111); font: 14px sans-serif; text-anchor: middle; }
.states .label { fill: var(--line); font-size: 11.5px; }
.states rect { fill: var(--color-background-primary, #fff); stroke: var(--line); }
.states .end { stroke-width: 2.5; }
.states .frame { fill: none; stroke-dasharray: 3 5; }
.states path { fill: none; stroke: var(--line); stroke-width: 1.4; }
.states .again { stroke-dasharray: 6 4; }
.states marker path { fill: var(--line); stroke: none; }
"""


def draw() -> str:
    """The SVG. Raises ValueError if the arrows differ from the transitions in `models/states.py`."""
    drawn = set(ARROWS) | {(source, target) for target in FROM_FRAME for source in ACTIVE}
    actual = {(source, target) for target, sources in ALLOWED_SOURCES.items() for source in sources}
    if drawn != actual:
        raise ValueError(f"docs/state_diagram.py and models/states.py differ in {sorted(drawn ^ actual)}")
    x, y, width, height = FRAME
    parts = [
        '<svg class="states" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 890 366"',
        ' role="img" aria-labelledby="states-title">',
        f'<title id="states-title">{_description()}</title><style>{STYLE}</style>',
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"',
        ' orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>',
        f'<rect class="frame" x="{x}" y="{y}" width="{width}" height="{height}" rx="10"/>',
    ]
    for (source, _target), (path, label, (at_x, at_y)) in ARROWS.items():
        kind = ' class="again"' if source not in ACTIVE else ""
        parts.append(f'<path{kind} d="{path}" marker-end="url(#tip)"/>')
        parts.append(f'<text class="label" x="{at_x}" y="{at_y}">{label}</text>')
    parts += [f'<path d="{path}" marker-end="url(#tip)"/>' for path in FROM_FRAME.values()]
    for state, (at_x, at_y) in CENTERS.items():
        kind = "" if state in ACTIVE else ' class="end"'
        left, top = at_x - WIDTH // 2, at_y - HEIGHT // 2
        parts.append(f'<rect{kind} x="{left}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="6"/>')
        parts.append(f'<text x="{at_x}" y="{at_y + 5}">{state.value}</text>')
    return "\n".join([*parts, "</svg>\n"])


def _description() -> str:
    """The transitions as text, for screen readers."""
    targets = {source: [it.value for it in State if source in ALLOWED_SOURCES[it]] for source in State}
    lines = [f"{source.value} to {', '.join(found)}" for source, found in targets.items() if found]
    return "Possible transitions: " + "; ".join(lines) + "."
