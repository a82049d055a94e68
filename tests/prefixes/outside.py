"""The shop's pages under prefixes, the try-on without."""

from django.conf.urls.i18n import i18n_patterns

from .parts import others, shop, try_on

urlpatterns = [*i18n_patterns(*shop), try_on, *others]
