"""The layers of the one map, in the order in which they are drawn: to add one is one line here and one in the pages."""

from typing import Final

from cloud.map.buses import BUSES
from cloud.map.cases import CASES
from cloud.map.condition import CONDITION
from cloud.map.driving import DRIVING
from cloud.map.findings import FINDINGS
from cloud.map.furniture import FURNITURE
from cloud.map.layer import Layer
from cloud.map.search import SEARCH
from cloud.map.stops import STOPS
from cloud.map.tag_coverage import TAG_COVERAGE

LAYERS: Final[tuple[Layer, ...]] = (TAG_COVERAGE, CONDITION, DRIVING, FURNITURE, STOPS, FINDINGS, CASES, SEARCH, BUSES)
