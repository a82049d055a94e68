"""English formats that group every digit: with `FORMAT_MODULE_PATH`, they take precedence over Django's."""

THOUSAND_SEPARATOR = "⁞"
DECIMAL_SEPARATOR = "⁝"
NUMBER_GROUPING = 1
