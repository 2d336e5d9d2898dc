"""Single kernels: what is computed, how many operations and bytes it takes, and on which arrays.

Enters: nothing. Leaves: `CASES` by name, each with its group. The arrays of a case are the same for
every framework.

    case = CASES["matmul 1024 1024 1024"]
    flops(case), moved(case), arrays(case)
"""

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Literal, TypeAlias

import numpy as np

from benchmarks.costs import cost
from benchmarks.workloads import Arrays, Mixture, Mlp, Work, data

BATCH = 32  # of the convolutions and the dense networks


@dataclass(frozen=True, slots=True)
class Matmul:
    """(m, k) @ (k, n)."""

    m: int
    k: int
    n: int


@dataclass(frozen=True, slots=True)
class Conv:
    """A 3 x 3 convolution of images of side x side, or its gradient by images or weights."""

    side: int
    wide: int
    narrow: int
    stride: int
    part: Literal["forward", "images", "weights"]

    @property
    def out(self) -> int:
        """The side of the results."""
        return self.side // self.stride


@dataclass(frozen=True, slots=True)
class Rows:
    """A function of every row of a matrix."""

    function: Literal["layer_norm", "softmax"]
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Pointwise:
    """A function of every element of some arrays; "adam" updates a parameter and its moments."""

    function: Literal["add", "tanh", "gelu", "adam"]
    count: int


@dataclass(frozen=True, slots=True)
class Objective:
    """The log-likelihood of a Gaussian mixture, alone or with its three gradients."""

    model: Mixture
    gradients: bool


@dataclass(frozen=True, slots=True)
class Depth:
    """A training step of a dense network of so many layers of 64 units."""

    layers: int

    @property
    def work(self) -> Work:
        """The same as a workload."""
        return Work(f"depth {self.layers}", Mlp((64,) * (self.layers + 1), BATCH), "sgd")


Case: TypeAlias = Matmul | Conv | Rows | Pointwise | Objective | Depth

PRODUCTS = (
    *((64, 64, 64), (256, 256, 256), (512, 512, 512), (1024, 1024, 1024), (32, 784, 128)),
    *((128, 784, 512), (256, 2048, 2048), (1024, 64, 1024), (64, 4096, 64), (4096, 128, 384)),
    *((1, 1024, 1024), (1024, 1024, 1), (100, 300, 77)),
)
SIDES = (1, 7, 32, 128, 512, 2000)  # of the products of the group "sweep": all of three
LAYERS = (  # the convolutions of ResNet-8: side, channels in and out, stride
    *((32, 3, 16, 1), (32, 16, 16, 1), (32, 16, 32, 2), (16, 32, 32, 1)),
    *((16, 32, 64, 2), (8, 64, 64, 1)),
)
PARTS: tuple[Literal["forward", "images", "weights"], ...] = ("forward", "images", "weights")
GMM = Mixture(points=1000, dims=20, components=25)


def _named() -> dict[str, Case]:
    found: dict[str, Case] = {f"matmul {m} {k} {n}": Matmul(m, k, n) for m, k, n in PRODUCTS}
    for layer in LAYERS:
        words = "{} {} {} /{}".format(*layer)
        wanted = (
            PARTS if layer[1] > 3 else ("forward", "weights")
        )  # nobody asks the first by images
        found |= {f"conv {words} {part}": Conv(*layer, part) for part in wanted}
    for rows, columns in ((4096, 256), (512, 8192)):
        found[f"layer_norm {rows} {columns}"] = Rows("layer_norm", rows, columns)
        found[f"softmax {rows} {columns}"] = Rows("softmax", rows, columns)
    found |= {f"{f} 1000000": Pointwise(f, 1_000_000) for f in ("add", "tanh", "gelu", "adam")}
    found |= {"gmm": Objective(GMM, False), "gmm gradients": Objective(GMM, True)}
    found |= {f"mlp depth {layers}": Depth(layers) for layers in (2, 4, 8, 16, 32, 64)}
    found |= {f"sweep {m} {k} {n}": Matmul(m, k, n) for m, k, n in product(SIDES, repeat=3)}
    return found


CASES = _named()


def flops(case: Case) -> int:
    """Operations of the products in a case; of the others none is counted."""
    match case:
        case Matmul(m, k, n):
            return 2 * m * k * n
        case Conv():
            return 2 * BATCH * case.out**2 * 9 * case.wide * case.narrow
        case Objective(model, gradients):
            whole = cost(Work("gmm", model)).flops
            return whole if gradients else whole // 3
        case Depth():
            return cost(case.work).flops
        case Rows() | Pointwise():
            return 0


def moved(case: Case) -> int:
    """Bytes that a case reads and writes at least."""
    match case:
        case Depth():
            return cost(case.work).moved
        case Objective(model, gradients):
            arguments = data(model)
            return sum(a.nbytes for a in (*arguments, *(arguments[:3] if gradients else ())))
        case Matmul(m, k, n):
            return 4 * (m * k + k * n + m * n)
        case Pointwise("adam", count):
            return 4 * 7 * count  # reads the gradient and three states, writes these three
        case _:
            return sum(a.nbytes for a in arrays(case)) + 4 * prod(result(case))


def result(case: Matmul | Conv | Rows | Pointwise) -> tuple[int, ...]:
    """The shape of the result; images have their channels last."""
    match case:
        case Matmul(m, _, n):
            return m, n
        case Conv(part="forward"):
            return BATCH, case.out, case.out, case.narrow
        case Conv(part="images"):
            return BATCH, case.side, case.side, case.wide
        case Conv():
            return 3, 3, case.wide, case.narrow
        case Rows():
            return case.rows, case.columns
        case Pointwise():
            return (case.count,)


def arrays(case: Case) -> Arrays:
    """What a case reads: (a, b) of a product, of a gradient that of the result first."""
    rng = np.random.default_rng(0)
    match case:
        case Matmul(m, k, n):
            shapes = [(m, k), (k, n)]
        case Conv():
            images = BATCH, case.side, case.side, case.wide
            weights = 3, 3, case.wide, case.narrow
            results = BATCH, case.out, case.out, case.narrow
            of_part = {"forward": (images, weights), "images": (results, weights)}
            shapes = [*of_part.get(case.part, (results, images))]
        case Rows(_, rows, columns):
            shapes = [(rows, columns)]
        case Pointwise(function, count):
            shapes = [(count,)] * {"add": 2, "adam": 4}.get(function, 1)
        case Objective(model):
            return data(model)
        case Depth():
            return data(case.work.model)
    return tuple(rng.random(shape, np.float32) for shape in shapes)
