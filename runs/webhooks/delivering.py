from __future__ import annotations

import logging
from uuid import UUID

from django.conf import settings

from common.http_config import http_config
from runs.metrics import WEBHOOKS
from runs.models import WebhookDelivery
from runs.webhooks.config import webhook_config
from runs.webhooks.queries import PendingDelivery, pending_delivery, record_attempt
from runs.webhooks.sending import Attempt, attempt

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 3600.0
_TURNED_OFF = Attempt(error="Webhooks are turned off: http.disable_webhooks is set.")


class Undelivered(Exception):
    """A delivery is to be tried again after a while."""

    def __init__(self, wait_seconds: float) -> None:
        super().__init__(f"to be tried again in {wait_seconds:g} seconds")
        self.wait_seconds = wait_seconds


async def deliver(delivery_id: UUID) -> None:
    """Send a delivery, unless it is done with; raises Undelivered when it is to be tried again.

    A process that dies in between sends it again, under the same id.
    """
    config = webhook_config()
    delivery = await pending_delivery(delivery_id, fields=config.allowed_fields)
    if delivery is None:
        return
    is_on = "webhooks" not in http_config().disabled
    came_of_it = await attempt(delivery, config) if is_on else _TURNED_OFF
    status = str(_status(delivery, came_of_it))
    await record_attempt(
        delivery_id, status=status, status_code=came_of_it.status_code, error=came_of_it.error
    )
    WEBHOOKS.labels(status).inc()
    _log(delivery, came_of_it, status)
    if status == WebhookDelivery.Status.PENDING:
        raise Undelivered(wait_seconds(delivery.attempts))


def wait_seconds(attempts: int) -> float:
    """Return how long to wait after an attempt that so many came before."""
    wait: float = settings.WEBHOOK_RETRY_SECONDS * 2 ** min(attempts, 30)
    return min(wait, LONGEST_WAIT_SECONDS)


def _status(delivery: PendingDelivery, came_of_it: Attempt) -> str:
    if came_of_it.error is None:
        return WebhookDelivery.Status.DELIVERED
    is_last = delivery.attempts + 1 >= settings.WEBHOOK_MAX_ATTEMPTS
    if came_of_it.is_final or is_last:
        return WebhookDelivery.Status.FAILED
    return WebhookDelivery.Status.PENDING


def _log(delivery: PendingDelivery, came_of_it: Attempt, status: str) -> None:
    level = logging.WARNING if status == WebhookDelivery.Status.FAILED else logging.INFO
    logger.log(
        level,
        "webhook sent",
        extra={
            "run_id": str(delivery.run_id),
            "delivery_id": str(delivery.delivery_id),
            "attempt": delivery.attempts + 1,
            "status": str(status),
            "error": came_of_it.error,
        },
    )
