"""GET /health/live, GET /health/ready and GET /metrics: what machines ask."""

from fastapi import APIRouter, Request, Response
from prometheus_client.exposition import choose_encoder

from service.documentation import documented
from service.errors import NotReadyError
from service.metrics import Metrics
from service.readiness import Readiness
from service.schemas import Health


def router(readiness: Readiness, metrics: Metrics) -> APIRouter:
    """Return the routes for probes and for Prometheus."""
    routes = APIRouter(tags=["operations"])

    @routes.get("/health/live")
    async def live() -> Health:
        """Tell that the process answers at all; if it does not, restart it."""
        return Health(status="live")

    @routes.get("/health/ready", responses=documented(NotReadyError))
    async def ready() -> Health:
        """Tell whether the default model is loaded, warmed and proven; if not, send requests elsewhere."""
        readiness.check()
        return Health(status="ready")

    @routes.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
    async def exposition(request: Request) -> Response:
        """Give all metrics in the format of Prometheus or of OpenMetrics, as it asks for."""
        encode, media_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(metrics.registry), headers={"content-type": media_type})

    return routes
