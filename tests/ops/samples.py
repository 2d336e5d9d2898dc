"""Arguments to try every primitive with: one table, a row a primitive, data alone.

Other harnesses import it: random graphs, generated kernels, the compiled programs. Arrays come from
seeds; `smooth` samples keep away from kinks and poles by more than a step of finite differences.
"""

from tests.ops.elementwise_samples import ELEMENTWISE
from tests.ops.indexing_samples import INDEXING
from tests.ops.reduction_samples import REDUCTIONS
from tests.ops.specs import Sample
from tests.ops.view_samples import VIEWS
from tests.ops.window_samples import WINDOWS

SAMPLES: dict[str, tuple[Sample, ...]] = {
    **ELEMENTWISE,
    **REDUCTIONS,
    **VIEWS,
    **INDEXING,
    **WINDOWS,
}
