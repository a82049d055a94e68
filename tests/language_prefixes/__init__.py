"""URLconfs of shops with language prefixes, which mount the try-on inside or outside of them."""
