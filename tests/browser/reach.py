"""What a shopper sees and can reach on a small screen, measured by what is on top there."""

from __future__ import annotations

_ROOT = """
    const root = document.querySelector("vton-dialog").shadowRoot;
    const dialog = root.querySelector("dialog");
    const told = (it) => `${it.localName}#${it.id}.${it.className} "${it.textContent.trim().slice(0, 30)}"`;
    const top = (x, y) => root.elementFromPoint(x, y);
    const isOnTop = (it, x, y) => [it, ...(it.labels ?? [])].some((own) => own.contains(top(x, y)));
"""

OUT_OF_REACH = (
    "(wanted) => {"
    + _ROOT
    + """
    return wanted.map((css) => [css, [...root.querySelectorAll(css)].find((it) => it.checkVisibility())])
        .map(([css, it]) => {
            if (!it) return `${css} is not there`;
            const { left, right, top, bottom } = it.getBoundingClientRect();
            if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight)
                return `${told(it)} at ${[left, top, right, bottom]} of ${innerWidth} by ${innerHeight}`;
            const corners = [left + 4, right - 4].flatMap((x) => [[x, top + 4], [x, bottom - 4]]);
            const middle = [(left + right) / 2, (top + bottom) / 2];
            const points = it.matches(".icon") ? [middle] : [middle, ...corners];
            return points.every(([x, y]) => isOnTop(it, x, y)) ? null : `something stands on ${told(it)}`;
        })
        .filter(Boolean);
}"""
)

FOCUS_COVERED = (
    "() => {"
    + _ROOT
    + """
    const was = root.activeElement;
    const found = [...dialog.querySelectorAll("a[href], button, input, select")]
        .filter((it) => it.checkVisibility({ visibilityProperty: true }))
        .filter((it) => {
            it.focus();
            // What is hidden itself is shown by its label, or by the divider's handle.
            const shown = it.id === "file" ? it.nextElementSibling : it;
            const { left, right, top, bottom } = shown.getBoundingClientRect();
            if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) return true;
            const x = (left + right) / 2;
            const points = [top + 6, (top + bottom) / 2, bottom - 6];
            return !points.every((y) => isOnTop(it.id === "compare" ? it.closest(".stage") : shown, x, y));
        })
        .map(told);
    was?.focus();
    return found;
}"""
)
