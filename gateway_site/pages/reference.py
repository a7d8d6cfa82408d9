"""The API reference, open to everybody."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from gateway_site.reference import sections


class Reference(APIView):
    """One page with every operation of the native API.

    REST framework's view, because what is wrong below /v1 is answered in the API's shape.
    """

    authentication_classes = ()
    permission_classes = (AllowAny,)
    renderer_classes = (TemplateHTMLRenderer,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        """Render the page."""
        context = {"sections": sections(), "public_url": settings.PUBLIC_URL}
        return Response(context, template_name="reference/reference.html")
