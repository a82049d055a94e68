"""The example shop as it would be deployed. A benchmark passes its own values in the environment, as JSON."""

import json
import os
from datetime import timedelta

from benchmarks import statements
from config.settings import *  # noqa: F403 - All settings of the example shop.

DEBUG = False
ALLOWED_HOSTS = ["*"]
VTON |= json.loads(os.environ.get("BENCH_VTON", "{}"))  # noqa: F405 - Imported above.
if "DEADLINE" in VTON:
    VTON["DEADLINE"] = timedelta(seconds=VTON["DEADLINE"])
# Web server threads and queue workers keep their database connections, as in a shop that cares about speed.
DATABASES["default"]["CONN_MAX_AGE"] = int(os.environ.get("BENCH_CONN_MAX_AGE", "60"))  # noqa: F405 - Imported above.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True  # noqa: F405 - Imported above.
if folder := os.environ.get("BENCH_STATEMENTS"):
    statements.count_in(folder)
if queue := os.environ.get("BENCH_QUEUE"):
    Q_CLUSTER["name"] = queue  # noqa: F405 - Imported above.
if bucket := os.environ.get("BENCH_S3"):
    STORAGES["vton"] = {  # noqa: F405 - Imported above.
        "BACKEND": "storages.backends.s3.S3Storage",
        "OPTIONS": {
            "endpoint_url": bucket,
            "bucket_name": "vton",
            "access_key": "bench",
            "secret_key": "bench",
            "region_name": "us-east-1",
            "addressing_style": "path",
        },
    }
LOGGING = {"version": 1, "disable_existing_loggers": False, "root": {"level": "WARNING"}}
