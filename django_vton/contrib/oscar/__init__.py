"""Try-on for django-oscar: its products, its product page, its baskets and orders."""
