"""AI virtual try-on for any Django shop."""

__version__ = "0.1.0"
