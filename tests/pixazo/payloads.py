"""The examples on the vendor's pages, unchanged."""

FASHN_ID = "fashn-virtual-try-on_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"

FASHN_QUEUED = """{
"request_id": "fashn-virtual-try-on_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
"status": "QUEUED",
"polling_url": "https://gateway.pixazo.ai/v2/requests/status/fashn-virtual-try-on_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"
}"""

FASHN_CALLBACK = """{
"request_id": "fashn-virtual-try-on_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
"status": "COMPLETED",
"model_id": "fashn-virtual-try-on",
"error": null,
"output": {
"media_url": [
"https://pub-582b7213209642b9b995c96c95a30381.r2.dev/v1/fashn-virtual-try-on_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx/output.png"
],
"media_type": "image/png"
},
"created_at": "2026-05-22T13:17:32.110Z",
"updated_at": "2026-05-22 13:19:23",
"completed_at": "2026-05-22 13:19:23"
}"""

FASHN_FAILURE_CALLBACK = """{
"request_id": "fashn-virtual-try-on_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
"status": "ERROR",
"model_id": "fashn-virtual-try-on",
"error": "Description of the error",
"output": null,
"created_at": "...",
"updated_at": "...",
"completed_at": "..."
}"""

FASHN_ERROR = """{
"request_id": "fashn-virtual-try-on_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
"status": "ERROR",
"model_id": "fashn-virtual-try-on",
"error": "Description of the error",
"output": null
}"""

FASHN_COMPLETED = """{
"request_id": "fashn-virtual-try-on_019dxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx",
"status": "COMPLETED",
"model_id": "fashn-virtual-try-on",
"error": null,
"output": {
"media_url": [
"https://pub-582b7213209642b9b995c96c95a30381.r2.dev/v1/fashn-virtual-try-on_019dxxxx-xxxx/output.ext"
],
"media_type": "application/octet-stream"
},
"created_at": "2026-03-31T10:00:00.000Z",
"updated_at": "2026-03-31T10:00:15.000Z",
"completed_at": "2026-03-31T10:00:15.000Z"
}"""

FASHN_402 = """{
"error": "Insufficient Balance",
"message": "Your wallet does not have enough balance."
}"""

FASHN_400 = """{
"error": "Model not found",
"message": "Model 'fashn-virtual-try-on' not found or is disabled"
}"""

FASHN_REQUEST = """{
"model_image": "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/vt_human.jpg",
"garment_image": "https://pub-582b7213209642b9b995c96c95a30381.r2.dev/vt_top.jpeg",
"category": "auto",
"mode": "balanced",
"garment_photo_type": "auto",
"moderation_level": "permissive",
"num_samples": 1,
"segmentation_free": true,
"output_format": "png"
}"""

GLASS_SUBMITTED = """{ "success": true, "request_id": "abc-123-xyz", "status": "submitted" }"""

GLASS_SUBMITTED_MESSAGE = """{
"success": true,
"request_id": "abc-123-xyz",
"status": "submitted",
"message": "Request submitted"
}"""

GLASS_COMPLETED = """{
"request_id": "abc-123-xyz",
"status": "completed",
"image_url": "https://result-url.example.com/image.jpg",
"content_type": "image/jpeg",
"file_size": 174795
}"""

GLASS_COMPLETED_ACCESSORIES = """{
"request_id": "37be1b13XXXXXX",
"status": "completed",
"image_url": "https://example.com/generated-image.jpg",
"content_type": "image/jpeg",
"file_size": 174795
}"""

# "Common Status Codes and Responses" on the Accessories page.
GLASS_ERRORS = {
    400: """{ "error": "Invalid request parameters" }""",
    401: """{ "error": "Invalid or missing authentication" }""",
    403: """{ "error": "Access denied for this operation" }""",
    404: """{ "error": "Endpoint not found" }""",
    429: """{ "error": "Rate limit exceeded, please retry later" }""",
    500: """{ "error": "An unexpected error occurred, please try again later" }""",
}
