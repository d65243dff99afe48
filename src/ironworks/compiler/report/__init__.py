"""What a compilation did, found and measured: `report.json` and the page `report.html` in the artifact.

`model` has the members of the report; `graph`, `machine` and `reading` fill and read them; the page is made from
`report.json` alone: `page` puts sections together, whose drawings are `drawing` (by `layout`) and `bars`.
"""

from ironworks.compiler.report.graph import Graph, Node, TensorType, describe_graph
from ironworks.compiler.report.machine import Machine, this_machine, versions_of
from ironworks.compiler.report.model import BatchReport, CandidateReport, Phases, PrecisionReport, Report
from ironworks.compiler.report.reading import ReportError

__all__ = [
    "BatchReport",
    "CandidateReport",
    "Graph",
    "Machine",
    "Node",
    "Phases",
    "PrecisionReport",
    "Report",
    "ReportError",
    "TensorType",
    "describe_graph",
    "this_machine",
    "versions_of",
]
