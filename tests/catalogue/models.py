"""Products with every kind of key and kin; tests register them."""

import uuid

from django.db import models

from shop.models import Product


class Gown(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class Hat(models.Model):
    code = models.CharField(primary_key=True, max_length=80)
    name = models.CharField(max_length=80)

    def __str__(self) -> str:
        return self.name


class Coat(Product):
    """A child with a key of its own: its parent's is another number."""

    number = models.AutoField(primary_key=True)
    product = models.OneToOneField(Product, models.CASCADE, parent_link=True, related_name="coat")


class Showpiece(Product):
    class Meta:
        proxy = True


class Abstract(models.Model):
    class Meta:
        abstract = True
