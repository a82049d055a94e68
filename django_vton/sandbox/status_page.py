"""The page at `/_sandbox/`, which lists the submits that the gateway has received."""

from html import escape

from .ledger import Ledger

MICRO = 1_000_000
HEADINGS = ("Time (UTC)", "Engine", "Answer", "State", "Charged", "Polls", "Downloads", "Callbacks", "ID")


def render_page(ledger: Ledger) -> str:
    """Return the ledger as an HTML page without scripts, newest submit first."""
    totals = ledger.totals
    rows = []
    for entry in reversed(ledger.entries):
        counts = ledger.counts(entry.request_id or "")
        cells = (
            entry.time[11:19],
            entry.engine,
            "none" if entry.answer is None else str(entry.answer),
            entry.state or entry.outcome,
            f"${entry.amount / MICRO:.3f}" + (" (refunded)" if entry.refunded else ""),
            str(counts.asks),
            str(counts.media_fetches),
            f"{counts.callbacks_acknowledged} of {counts.callbacks_sent}",
            entry.request_id or "",
        )
        rows.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    head = "".join(f'<th scope="col">{heading}</th>' for heading in HEADINGS)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox gateway</title>
<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark"></head>
<body>
<h1>Sandbox gateway</h1>
<p>Renders accepted: {totals["accepted"]}. Refused: {totals["refused"]}.
At the vendor they would have cost ${totals["amount"] / MICRO:.3f}.</p>
<p><a href="ledger">The ledger as JSON</a></p>
<table border="1" cellpadding="6"><caption>Submits, newest first</caption>
<thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></body></html>
"""
