"""As `shop_only`, but the default language, English, has no prefix."""

from django.conf.urls.i18n import i18n_patterns

from .patterns import others, shop, try_on

urlpatterns = [*i18n_patterns(*shop, prefix_default_language=False), try_on, *others]
