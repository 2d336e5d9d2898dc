"""The text of four kernels, as somebody last read it; and what the text does not depend on."""

import pytest

import graphc as gx
from tests import golden

X = gx.input("x", ("batch", 784))
W = gx.input("w", (784, "units"))
B = gx.input("b", ("units",))


@pytest.mark.parametrize(
    ("name", "y", "kernels"),
    [
        ("dense", gx.nn.relu(X @ W + B), 1),
        ("softmax", gx.nn.softmax(X), 1),
        ("column_sum", gx.sum(X, axis=0), 2),
        ("variance", gx.var(X, axis=1), 1),
    ],
)
def test_golden(name: str, y: gx.Tensor, kernels: int, pytestconfig: pytest.Config) -> None:
    program = gx.compile([X, W, B] if name == "dense" else [X], y)
    assert len(program.kernels) == kernels
    golden.check(f"kernels/{name}.txt", program.source.rstrip(), pytestconfig)


def mlp(layers: int, rate: float, batch: int | str) -> set[str]:
    """The sources of a training step."""
    x = gx.input("x", (batch, 64))
    weights, h = [], x
    for _ in range(layers):
        weights += [gx.parameter("w", [[0.0] * 64] * 64), gx.parameter("b", [0.0] * 64)]
        h = gx.nn.relu(h @ weights[-2] + weights[-1])
    loss = gx.mean(h * h)
    gradients = gx.grad(loss, weights)
    updates = {w: w - rate * g for w, g in zip(weights, gradients, strict=True)}
    program = gx.compile([x], loss, updates=updates)
    return {kernel.source for kernel in program.kernels}


def test_equal_layers_share_their_kernels() -> None:
    assert mlp(24, 0.1, "batch") == mlp(4, 0.1, "batch")


def test_batch_sizes_and_learning_rates_are_not_in_the_text() -> None:
    # 64 is left out: a division by a power of two becomes a product.
    sizes = [size for size in range(33, 84) if size != 64]
    sources = {frozenset(mlp(2, 0.1, batch)) for batch in sizes}
    sources |= {frozenset(mlp(2, 0.03 * rate, 65)) for rate in range(1, 21)}
    assert len(sources) == 1
