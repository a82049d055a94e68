"""The REST API. Its shapes are promises: see "HTTP" in the documentation."""
