"""The example shop as it would be deployed; what a part varies comes from the environment as JSON."""

import json
import os
from datetime import timedelta

from config.settings import *  # noqa: F403 - all of the example shop's

DEBUG = False
ALLOWED_HOSTS = ["*"]
VTON |= json.loads(os.environ.get("BENCH_VTON", "{}"))  # noqa: F405 - of the shop's settings
if "DEADLINE" in VTON:
    VTON["DEADLINE"] = timedelta(seconds=VTON["DEADLINE"])
# Threads of a web server and workers of a queue keep their connection, as in any shop that is measured.
DATABASES["default"]["CONN_MAX_AGE"] = 60  # noqa: F405 - as above
if queue := os.environ.get("BENCH_QUEUE"):
    Q_CLUSTER["name"] = queue  # noqa: F405 - as above
if bucket := os.environ.get("BENCH_S3"):
    STORAGES["vton"] = {  # noqa: F405 - as above
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
