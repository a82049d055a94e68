"""The REST API. Its URLs and JSON are public: see "HTTP API" in the documentation."""
