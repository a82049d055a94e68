from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    TOP = "top", _("Tops")
    BOTTOM = "bottom", _("Trousers & skirts")
    DRESS = "dress", _("Dresses")
    OUTERWEAR = "outerwear", _("Coats & jackets")
    EYEWEAR = "eyewear", _("Glasses")
    ACCESSORY = "accessory", _("Bags")


class Product(models.Model):
    name = models.CharField(_("name"), max_length=80)
    slug = models.SlugField(unique=True)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    tagline = models.CharField(_("tagline"), max_length=120, blank=True)
    description = models.TextField(_("description"), blank=True)
    material = models.CharField(_("material"), max_length=120, blank=True)
    price = models.DecimalField(_("price"), max_digits=8, decimal_places=2)
    sizes = models.CharField(_("sizes"), max_length=80, blank=True, help_text=_("Separated by spaces."))
    photo = models.ImageField(_("photo"), upload_to="products/", blank=True)
    is_public = models.BooleanField(_("in the shop"), default=True)
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        ordering = ["position", "pk"]
        verbose_name = _("product")
        verbose_name_plural = _("products")

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("shop:product", args=[self.slug])

    @property
    def size_list(self) -> list[str]:
        return self.sizes.split()


class ProductPhoto(models.Model):
    """Another image of a product, for example a published try-on."""

    product = models.ForeignKey(
        Product, models.CASCADE, related_name="more_photos", verbose_name=_("product")
    )
    image = models.ImageField(_("image"), upload_to="products/more/")

    class Meta:
        ordering = ["pk"]
        verbose_name = _("product photo")
        verbose_name_plural = _("product photos")

    def __str__(self) -> str:
        return f"{self.product} #{self.pk}"
