"""How long an endpoint wants to be left alone, as its refusal says.

Knows HTTP's header. Must not know clients.
"""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

LONGEST_WAIT = 5.0
"""Seconds; who wants to be left alone for longer is asked again all the same, and given up if that fails."""


def wait_after(error: Exception) -> float:
    """Seconds to wait before the next question, 0 to `LONGEST_WAIT`; 0 where an error does not say.

    Args:
        error: Whatever a client raised; HTTP errors bear the answer with its headers as `response`.

    Source: Fielding et al., HTTP Semantics, RFC 9110, section 10.2.3, doi:10.17487/RFC9110.
    """
    headers = getattr(getattr(error, "response", None), "headers", None)
    told = str(headers.get("retry-after") or "").strip() if headers is not None else ""
    try:
        seconds = float(told) if told[:1].isdecimal() else parsedate_to_datetime(told).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT)
