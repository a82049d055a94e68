from django.apps import AppConfig


class ShopConfig(AppConfig):
    name = "tests.hosts.oscar.shop"

    def ready(self):
        from tests.hosts.thumbnails.shop import receivers  # noqa: F401 - a receiver of a signal
