"""Floor B: the plainest view that stores one row in a commit of its own."""

import json

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from bench.models import FloorRow
from gateway_site.health import livez


@csrf_exempt
def store_row(request: HttpRequest) -> JsonResponse:
    """One row from a JSON body; 202 when it is committed."""
    body = json.loads(request.body)
    row = FloorRow.objects.create(
        tenant_id=1,
        recipient=body["to"],
        text=body["text"],
        status="queued",
        created_at=timezone.now(),
    )
    return JsonResponse({"id": row.pk, "status": row.status}, status=202)


urlpatterns = [path("livez", livez), path("v1/messages", store_row)]
