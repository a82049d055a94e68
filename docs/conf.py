"""Sphinx settings. The reference is generated from the code before each build."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import django_vton  # noqa: E402 - The path comes first.
from docs import generate  # noqa: E402 - The path comes first.

generate.write(HERE / "reference")

project = "django-vton"
author = "The django-vton maintainers"
release = version = django_vton.__version__
extensions = ["myst_parser", "docs.agents"]
exclude_patterns = ["_build"]
nitpicky = True

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"django-vton {release}"
html_static_path = ["_static"]
html_css_files = ["docs.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#40623a", "color-brand-content": "#40623a"},
    "dark_css_variables": {"color-brand-primary": "#9cc494", "color-brand-content": "#9cc494"},
}
