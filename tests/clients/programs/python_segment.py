"""segment-analytics-python: one call of each type. Arguments: host, write key, "gzip" or "plain"."""

import sys
from datetime import UTC, datetime

from segment.analytics.client import Client

host, key, packing = sys.argv[1:4]
errors: list[object] = []
client = Client(
    key, host=host, gzip=packing == "gzip", max_retries=2, on_error=lambda error, items: errors.append(error)
)
at = datetime(2026, 11, 20, 8, 0, 0, 250_000, tzinfo=UTC)
client.identify("u-1", {"email": "ada@example.org", "score": float("nan"), "since": at})
client.track("u-1", "Order Completed", {"total": 42.5, "text": "Zoë 🙂"}, timestamp=at)
client.page("u-1", "Docs", "Home", {"url": "https://shop.example/"})
client.screen("u-1", "App", "Home", {"dark": True})
client.group("u-1", "g-1", {"name": "Analytical Engines"})
client.alias("anon-1", "u-1")
client.track(anonymous_id="anon-1", event="Visited")
client.shutdown()
sys.exit(f"errors: {errors}" if errors else 0)
