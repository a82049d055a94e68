from django.http import HttpRequest


def is_human(request: HttpRequest) -> bool:
    return request.POST.get("word") == "linen"
