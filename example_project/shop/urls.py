from django.urls import path

from shop import views

app_name = "shop"

urlpatterns = [
    path("", views.index, name="index"),
    path("products/<slug:slug>/", views.product, name="product"),
    path("products/<slug:slug>/add/", views.cart_add, name="cart_add"),
    path("cart/", views.cart_page, name="cart"),
    path("cart/change/", views.cart_change, name="cart_change"),
    path("checkout/", views.checkout, name="checkout"),
    path("thanks/", views.thanks, name="thanks"),
]
