"""Scripts that find elements of the dialog that are covered or outside of the screen."""

from __future__ import annotations

_ROOT = """
    const root = document.querySelector("vton-dialog").shadowRoot;
    const dialog = root.querySelector("dialog");
    const describe = ({ localName, id, className, textContent }) =>
        `${localName}#${id}.${className} "${textContent.trim().slice(0, 30)}"`;
    const top = (x, y) => root.elementFromPoint(x, y);
    const isOnTop = (it, x, y) => [it, ...(it.labels ?? [])].some((own) => own.contains(top(x, y)));
"""

HIDDEN_OR_COVERED = (
    "(selectors) => {"
    + _ROOT
    + """
    return selectors.map((css) => [css, [...root.querySelectorAll(css)].find((it) => it.checkVisibility())])
        .map(([css, it]) => {
            if (!it) return `${css} does not exist`;
            const { left, right, top, bottom } = it.getBoundingClientRect();
            if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight)
                return `${describe(it)} at ${[left, top, right, bottom]} of ${innerWidth} by ${innerHeight}`;
            const corners = [left + 4, right - 4].flatMap((x) => [[x, top + 4], [x, bottom - 4]]);
            const middle = [(left + right) / 2, (top + bottom) / 2];
            const points = it.matches(".icon") ? [middle] : [middle, ...corners];
            return points.every(([x, y]) => isOnTop(it, x, y)) ? null : `${describe(it)} is covered`;
        })
        .filter(Boolean);
}"""
)

COVERED_ON_FOCUS = (
    "() => {"
    + _ROOT
    + """
    const was = root.activeElement;
    const found = [...dialog.querySelectorAll("a[href], button, input, select")]
        .filter((it) => it.checkVisibility({ visibilityProperty: true }))
        .filter((it) => {
            it.focus();
            // A hidden input is represented by its label or by the divider's handle.
            const shown = it.id === "file" ? it.nextElementSibling : it;
            const { left, right, top, bottom } = shown.getBoundingClientRect();
            if (left < 0 || top < 0 || right > innerWidth || bottom > innerHeight) return true;
            const x = (left + right) / 2;
            const points = [top + 6, (top + bottom) / 2, bottom - 6];
            return !points.every((y) => isOnTop(it.id === "compare" ? it.closest(".stage") : shown, x, y));
        })
        .map(describe);
    was?.focus();
    return found;
}"""
)
