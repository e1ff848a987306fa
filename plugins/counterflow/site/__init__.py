"""The analysts' site: pages that need nothing but themselves, made of what is published.

In: the published warehouse, read-only. Out: a folder of pages: what this is, the questions of the analysts' guide with
tonight's answers and plots, and the catalogue. The same warehouse gives the same bytes. It opens from the disk, asks no
network, and is for inside: its small cells are the warehouse's own.
"""

from counterflow.site.answers import SiteRefusedError
from counterflow.site.making import build

__all__ = ["SiteRefusedError", "build"]
