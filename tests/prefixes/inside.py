"""The try-on under prefixes as well."""

from django.conf.urls.i18n import i18n_patterns

from .parts import others, shop, try_on

urlpatterns = [*i18n_patterns(*shop, try_on), *others]
