"""The shop's pages have language prefixes, the try-on has none."""

from django.conf.urls.i18n import i18n_patterns

from .patterns import others, shop, try_on

urlpatterns = [*i18n_patterns(*shop), try_on, *others]
