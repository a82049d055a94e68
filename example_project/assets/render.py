"""Render the shop's images from their SVG sources: `python render.py [NAME ...]`

Needs Playwright and Chromium, at the path in CHROMIUM or Debian's. The shop itself needs neither, since the
JPEGs are checked in.
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

HERE = Path(__file__).resolve().parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def render(names: list[str]) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page()
        for source in sorted(HERE.glob("*.svg")):
            if names and source.stem not in names:
                continue
            page.goto(source.as_uri())
            width, height = page.evaluate(
                "(({width, height}) => [width, height])(document.rootElement.viewBox.baseVal)"
            )
            page.set_viewport_size({"width": int(width), "height": int(height)})
            target = source.with_suffix(".jpg")
            page.screenshot(path=target, type="jpeg", quality=86)
            print(f"{target.name}: {target.stat().st_size // 1024} kB")  # noqa: T201 - This is a command.
        browser.close()


if __name__ == "__main__":
    render(sys.argv[1:])
