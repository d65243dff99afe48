"""What the server measures: invocations and instances of endpoints, jobs, itself.

`Metrics.record` is called for each invocation; `Metrics.series` answers what CloudWatch's operations and the console's
charts ask; `exposition` writes the page that Prometheus scrapes.
"""

from ironworks.server.metrics.intervals import Times
from ironworks.server.metrics.registry import Metrics, parse_times

__all__ = ["Metrics", "Times", "parse_times"]
