"""Product models with every kind of primary key and inheritance."""

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
    """A child model whose primary key differs from its parent's."""

    number = models.AutoField(primary_key=True)
    product = models.OneToOneField(Product, models.CASCADE, parent_link=True, related_name="coat")


class Showpiece(Product):
    class Meta:
        proxy = True


class Abstract(models.Model):
    class Meta:
        abstract = True
