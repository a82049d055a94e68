"""Try-on on Wagtail sites: base classes for products that are pages, or items of a page."""
