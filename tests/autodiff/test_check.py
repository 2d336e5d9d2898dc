"""The gradient check: right rules pass, wrong ones are named."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from graphc.autodiff import check_gradient
from graphc.errors import GradientError
from graphc.ops import cos, exp, mul, sin, where

RNG = np.random.default_rng(3)
SMALL, LARGE = RNG.uniform(0.5, 2, (2, 3)), RNG.uniform(0.5, 2, (8, 9))


def slightly_wrong(g: Any, y: Any, x: Any) -> Any:
    return (g * cos(x) * 1.01,)


# Right at first order; its own derivative is wrong, as if cos had the wrong sign in its rule.
wrong_cos = replace(cos, vjp=lambda g, y, x: (g * sin(x),))
second = replace(sin, vjp=lambda g, y, x: (g * wrong_cos(x),))
first = replace(sin, vjp=slightly_wrong)


def test_right_gradients_pass() -> None:
    check_gradient(lambda x, y: (exp(x) * y, [sin(y)]), [SMALL, SMALL])
    check_gradient(lambda c, x: where(c, x, x * x), [SMALL > 1, SMALL])
    check_gradient(lambda x: mul(x, x).sum(axis=0), [LARGE.astype(np.float32)])


def test_a_wrong_gradient_is_named() -> None:
    with pytest.raises(GradientError, match=r"derivative 1 by argument 0 at \[0, 0\] is wrong"):
        check_gradient(first, [SMALL])
    with pytest.raises(GradientError, match="derivative 1 by argument 1, along a random direction"):
        check_gradient(lambda x, y: x * first(y), [LARGE, LARGE])


def test_a_wrong_second_derivative_is_named() -> None:
    check_gradient(second, [SMALL], order=1)
    with pytest.raises(GradientError, match="derivative 2 by argument 0"):
        check_gradient(second, [SMALL], order=2)


def test_a_nan_is_wrong() -> None:
    broken = replace(sin, vjp=lambda g, y, x: (g / (x - x),))
    with pytest.raises(GradientError, match="is wrong"):
        check_gradient(broken, [SMALL], order=1)
