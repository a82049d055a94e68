"""The products that `seed_demo` creates. The image of a product is assets/<slug>.jpg."""

from decimal import Decimal
from typing import Any

from shop.models import Kind

CLOTHES = "XS S M L XL"

PRODUCTS: list[dict[str, Any]] = [
    {
        "slug": "linen-shirt",
        "name": "Linnea linen shirt",
        "kind": Kind.TOP,
        "price": Decimal("89.00"),
        "tagline": "Washed linen in sage, cut straight.",
        "description": (
            "Woven from European flax and washed until it is soft, with a small collar, real shell "
            "buttons and room to roll the sleeves. It creases, and it looks better for it."
        ),
        "material": "100 % linen · wash at 40 °C",
        "sizes": CLOTHES,
    },
    {
        "slug": "ingrid-coat",
        "name": "Ingrid wool coat",
        "kind": Kind.OUTERWEAR,
        "price": Decimal("289.00"),
        "tagline": "Double-faced wool in camel, to the knee.",
        "description": (
            "A single-breasted coat with a notched lapel and a soft shoulder. Heavy enough for "
            "January, light enough to forget that you are wearing it."
        ),
        "material": "90 % wool, 10 % cashmere · dry clean",
        "sizes": CLOTHES,
    },
    {
        "slug": "otto-glasses",
        "name": "Otto",
        "kind": Kind.EYEWEAR,
        "price": Decimal("149.00"),
        "tagline": "Round acetate in tortoiseshell.",
        "description": (
            "Hand-polished cotton acetate with a keyhole bridge and five-barrel hinges. Ready for "
            "your prescription, or as it is, with clear lenses."
        ),
        "material": "Cotton acetate · 48 □ 21 · 145",
        "sizes": "",
    },
    {
        "slug": "clara-dress",
        "name": "Clara wrap dress",
        "kind": Kind.DRESS,
        "price": Decimal("139.00"),
        "tagline": "Fluid viscose in terracotta.",
        "description": (
            "A true wrap: it ties at the waist, falls below the knee and moves when you do. Three-"
            "quarter sleeves, side pockets that hold a phone."
        ),
        "material": "100 % viscose · wash at 30 °C",
        "sizes": CLOTHES,
    },
    {
        "slug": "breton-tee",
        "name": "Maren striped tee",
        "kind": Kind.TOP,
        "price": Decimal("45.00"),
        "tagline": "Heavy cotton, navy stripes, boat neck.",
        "description": (
            "The one that goes with everything. Knitted from combed organic cotton heavy enough to "
            "keep its shape, with stripes that meet at the seams."
        ),
        "material": "100 % organic cotton · wash at 40 °C",
        "sizes": CLOTHES,
    },
    {
        "slug": "anton-trousers",
        "name": "Anton pleated trousers",
        "kind": Kind.BOTTOM,
        "price": Decimal("119.00"),
        "tagline": "High waist, wide leg, deep navy.",
        "description": (
            "Two pleats, a pressed crease and a wide leg that falls straight to the shoe. Smart with "
            "the linen shirt, easy with the tee."
        ),
        "material": "70 % wool, 30 % polyester · wash by hand",
        "sizes": CLOTHES,
    },
    {
        "slug": "mira-sunglasses",
        "name": "Mira",
        "kind": Kind.EYEWEAR,
        "price": Decimal("169.00"),
        "tagline": "Angular sunglasses in black.",
        "description": (
            "A strong line above the eyes and graded grey lenses below it. Blocks all of UVA and UVB, "
            "and comes with a case made from our linen offcuts."
        ),
        "material": "Acetate, CR-39 lenses, category 3 · 53 □ 18 · 145",
        "sizes": "",
    },
    {
        "slug": "emil-jacket",
        "name": "Emil chore jacket",
        "kind": Kind.OUTERWEAR,
        "price": Decimal("159.00"),
        "tagline": "French blue drill with three pockets.",
        "description": (
            "The jacket that painters and gardeners wore, in sturdy cotton drill that fades where you "
            "live in it. Patch pockets, a round collar, five buttons."
        ),
        "material": "100 % cotton drill · wash at 40 °C",
        "sizes": CLOTHES,
    },
    {
        "slug": "freya-skirt",
        "name": "Freya pleated skirt",
        "kind": Kind.BOTTOM,
        "price": Decimal("109.00"),
        "tagline": "Knife pleats in forest green.",
        "description": (
            "Pleats that stay in, a flat waistband and a length that works with boots and with "
            "sandals. Lined, so that it falls as it should."
        ),
        "material": "Recycled polyester crêpe · wash at 30 °C",
        "sizes": CLOTHES,
    },
    {
        "slug": "linden-tote",
        "name": "Linden tote",
        "kind": Kind.ACCESSORY,
        "price": Decimal("39.00"),
        "tagline": "Undyed canvas with leather handles.",
        "description": "Stands up by itself, takes a laptop and a week's vegetables, and ages well.",
        "material": "Cotton canvas, vegetable-tanned leather",
        "sizes": "",
    },
]

HOUSE_MODELS: list[dict[str, Any]] = [
    {"name": "Mateo", "file": "model-mateo.jpg", "suits": ["eyewear", "garment"], "labels": ["portrait"]},
    {"name": "Noa", "file": "model-noa.jpg", "suits": ["garment"], "labels": ["full figure"]},
]
