"""What the hub's other rooms reach of analysis."""

from dataclasses import dataclass

from belvedere.hub.analysis.jobs import AnalysisJobs
from belvedere.hub.analysis.orders import AnalysisOrders


@dataclass(frozen=True, slots=True)
class AnalysisRoom:
    """Orders of sites with their standing grants, and jobs for cases."""

    orders: AnalysisOrders
    jobs: AnalysisJobs
