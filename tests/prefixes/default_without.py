"""As `outside`, but English, the default, has no prefix."""

from django.conf.urls.i18n import i18n_patterns

from .parts import others, shop, try_on

urlpatterns = [*i18n_patterns(*shop, prefix_default_language=False), try_on, *others]
