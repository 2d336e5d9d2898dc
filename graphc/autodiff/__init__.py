"""Derivatives as graphs: reverse mode, and what is made of it; batching; checking.

Enters: tensors, or functions of tensors for `vmap` and `check_gradient`. Leaves: tensors.
"""

from graphc.autodiff.check import check_gradient
from graphc.autodiff.forward import hessian, jacobian, jvp
from graphc.autodiff.reverse import grad, gradients, value_and_grad, vjp
from graphc.autodiff.vmap import placeholder, push_batch, vmap

__all__ = [
    "check_gradient",
    "grad",
    "gradients",
    "hessian",
    "jacobian",
    "jvp",
    "placeholder",
    "push_batch",
    "value_and_grad",
    "vjp",
    "vmap",
]
