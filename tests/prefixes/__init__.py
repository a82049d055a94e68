"""Shops with language prefixes, which differ in where the try-on stands."""
