"""The result that tests expect from `purge`."""

from __future__ import annotations


def purged(**expected: int) -> dict[str, int]:
    kinds = (
        "photos",
        "try_ons",
        "product_images",
        "quotas",
        "phone_links",
        "guests",
        "photo_accesses",
        "exchanges",
        "drafts",
    )
    return dict.fromkeys((*kinds, "undeleted_files", "files"), 0) | expected
