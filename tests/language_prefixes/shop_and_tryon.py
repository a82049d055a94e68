"""The shop's pages and the try-on have language prefixes."""

from django.conf.urls.i18n import i18n_patterns

from .patterns import others, shop, try_on

urlpatterns = [*i18n_patterns(*shop, try_on), *others]
