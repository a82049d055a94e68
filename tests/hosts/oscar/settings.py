from oscar import INSTALLED_APPS as OSCAR_APPS
from oscar.defaults import *  # noqa: F403 - As Oscar's documentation says.

from tests.hosts.settings import *  # noqa: F403 - Settings of any project.

INSTALLED_APPS = [
    "django_vton.contrib.oscar",
    *OSCAR_APPS,
    "sorl.thumbnail",
    "rest_framework",
    "django_q",
    "django_vton",
]
INSTALLED_APPS += ["easy_thumbnails", "tests.hosts.oscar.shop"]

# As in Oscar's documentation.
DATABASES["default"]["ATOMIC_REQUESTS"] = True  # noqa: F405 - from the settings of any project

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "oscar.apps.basket.middleware.BasketMiddleware",
    "django.contrib.flatpages.middleware.FlatpageFallbackMiddleware",
]
AUTHENTICATION_BACKENDS = [
    "oscar.apps.customer.auth_backends.EmailBackend",
    "django.contrib.auth.backends.ModelBackend",
]
ROOT_URLCONF = "tests.hosts.oscar.urls"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "oscar.apps.search.context_processors.search_form",
                "oscar.apps.checkout.context_processors.checkout",
                "oscar.apps.communication.notifications.context_processors.notifications",
                "oscar.core.context_processors.metadata",
            ],
        },
    },
]
# As in Oscar's sandbox: its category pages list what the search finds.
HAYSTACK_CONNECTIONS = {
    "default": {
        "ENGINE": "haystack.backends.whoosh_backend.WhooshEngine",
        "PATH": MEDIA_ROOT.with_name("whoosh"),  # noqa: F405 - as above
    }
}
THUMBNAIL_ENGINE = "tests.hosts.thumbnails.shop.sorl_engine.MarkedEngine"
OSCAR_ALLOW_ANON_CHECKOUT = True
