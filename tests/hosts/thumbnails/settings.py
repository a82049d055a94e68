import os

from tests.hosts.settings import *  # noqa: F403 - Settings of any project.

INSTALLED_APPS = [
    "tests.hosts.thumbnails.shop",
    "easy_thumbnails",
    "imagekit",
    "sorl.thumbnail",
    "versatileimagefield",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_q",
    "django_vton",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
ROOT_URLCONF = "tests.hosts.thumbnails.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {"context_processors": ["django.template.context_processors.request"]},
    },
]
THUMBNAIL_ENGINE = "tests.hosts.thumbnails.shop.sorl_engine.MarkedEngine"
THUMBNAIL_ALIASES = {"": {"card": {"size": (400, 480)}}}

if "S3_URL" in os.environ:
    STORAGES["default"] = {"BACKEND": "storages.backends.s3.S3Storage"}  # noqa: F405 - of any project
    AWS_S3_ENDPOINT_URL = os.environ["S3_URL"]
    AWS_STORAGE_BUCKET_NAME = "shop"
    AWS_S3_ACCESS_KEY_ID = AWS_S3_SECRET_ACCESS_KEY = "tests"
    AWS_S3_REGION_NAME = "us-east-1"
    # A public bucket, whose URLs have no signature.
    AWS_DEFAULT_ACL = "public-read"
    AWS_QUERYSTRING_AUTH = False
