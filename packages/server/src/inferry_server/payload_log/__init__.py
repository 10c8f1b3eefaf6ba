"""Copies of requests and responses, sent elsewhere beside the path of a request."""

from inferry_server.payload_log.checks import check
from inferry_server.payload_log.logs import PayloadLogs

__all__ = ["PayloadLogs", "check"]
