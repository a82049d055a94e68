from django.conf import settings
from django.conf.urls.static import static
from django.urls import include, path
from django.views.generic import DetailView, RedirectView

from tests.hosts.thumbnails.shop.models import Product

product = DetailView.as_view(model=Product, slug_field="image", template_name="product.html")

urlpatterns = [
    path("try-on/", include("django_vton.urls")),
    *static(settings.MEDIA_URL, document_root=settings.MEDIA_ROOT),
    path("", RedirectView.as_view(url="imagekit/")),
    path("<slug:slug>/", product),
]
