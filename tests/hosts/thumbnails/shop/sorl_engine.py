from sorl.thumbnail.engines.pil_engine import Engine

from django_vton.images import keep_provenance


class MarkedEngine(Engine):
    def _get_raw_data(self, image, format_, quality, image_info=None, **options):
        data = super()._get_raw_data(image, format_, quality, image_info=image_info, **options)
        return keep_provenance((image_info or {}).get("xmp", b""), data)
