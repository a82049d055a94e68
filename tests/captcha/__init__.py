"""A shop that asks each shopper for a sign of being human."""
