"""Integrations with shop and content frameworks. Each is an app of its own, for INSTALLED_APPS."""
