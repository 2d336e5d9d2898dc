"""Names that are not there: what users of other libraries look for, and what stands for it here.

Enters: a name that `graphc`, `graphc.nn` or a tensor does not have. Leaves: an UnknownNameError,
which is an AttributeError, with what to write instead: from a table, or else the nearest name.

>>> nearest("sofmax", ["softmax", "softplus", "relu"])
'softmax'
"""

import difflib
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from graphc.errors import UnknownNameError

_PACKAGE = __name__.partition(".")[0]
_LAYER = " Layers are functions here, of tensors and of what graphc.parameter made"
_NO_SORT = "graphc has no sorting; graphc.argmax and graphc.max find the largest"
_NO_RANDOM = "there are no random numbers in a graph: draw arrays by numpy.random.default_rng(0)"
_NO_LOOPS = "there is no control flow in a graph: graphc.where chooses, Python's loops unroll"
_NO_DTYPE = "floats are float32 and float64"
_UPDATES = (
    "write the step: graphc.compile(inputs, loss, updates={w: w - rate * graphc.grad(loss, w)})"
)
_WHOLE = "graphc.mean(x, axis=(1, 2)) is the mean of whole images, (2, 3) where channels come first"
_ROWS = "x.reshape(x.shape[0], -1)"
_CELL = "write the step as a function of (x, state), and call it in a Python loop over time"
_LIST = "a list or a dict of parameters: graphc.grad and graphc.jit take them as they are"
_CPU = "everything runs on the CPU; x.astype changes the dtype"

# ---- the tables: name -> what to write; a name of graphc's alone stands for "graphc.<name>" ----

FUNCTIONS: Mapping[str, str] = {
    "Module": "graphc.nn has functions: write a model as one of parameters and inputs",
    "Parameter": "parameter",
    "Variable": "graphc.parameter for what is trained, graphc.input for what is given",
    "absolute": "abs",
    "allclose": "graphc.all(graphc.isclose(a, b))",
    "amax": "max",
    "amin": "min",
    "arccos": "acos",
    "arccosh": "acosh",
    "arcsin": "asin",
    "arcsinh": "asinh",
    "arctan": "atan",
    "arctan2": "atan2",
    "arctanh": "atanh",
    "argsort": _NO_SORT,
    "array": "constant",
    "astensor": "as_tensor",
    "bfloat16": _NO_DTYPE,
    "bitwise_not": "bitwise_invert",
    "bmm": "matmul",
    "broadcast_shapes": "broadcast_arrays",
    "cat": "concat",
    "checkpoint": "graphc.compile(inputs, loss, memory_budget=bytes) runs kernels again",
    "chunk": "split",
    "clamp": "clip",
    "complex64": _NO_DTYPE,
    "cond": _NO_LOOPS,
    "cumprod": "there are no scans along an axis yet",
    "cumsum": "graphc.tril(graphc.ones((n, n))) @ x, for a short axis",
    "detach": "stop_gradient",
    "device": _CPU,
    "diag": "graphc.diagonal(x) takes it; graphc.eye(n) * v is a matrix of it",
    "div": "divide",
    "double": "float64",
    "dstack": "graphc.concat(tensors, axis=2), or graphc.stack",
    "enable_x64": "float64 is a dtype like others: dtype='float64', x.astype('float64')",
    "expit": "sigmoid",
    "fft": "there are no Fourier transforms: transform arrays by numpy.fft, outside of the graph",
    "float": "float32",
    "float16": _NO_DTYPE,
    "float_power": "pow",
    "fmod": "remainder",
    "fori_loop": _NO_LOOPS,
    "function": "compile",
    "gather": "take_along_axis",
    "gradient": "grad",
    "gradients": "grad",
    "half": _NO_DTYPE,
    "hstack": "concat",
    "index_select": "take",
    "int": "int64",
    "invert": "bitwise_invert",
    "jacfwd": "jacobian",
    "jacrev": "jacobian",
    "lax": "graphc's own functions are at top level; " + _NO_LOOPS,
    "left_shift": "bitwise_left_shift",
    "linalg": "there is no linear algebra beyond products: matmul, einsum, tensordot",
    "load": "tensors can be pickled: pickle.load(file)",
    "long": "int64",
    "manual_seed": _NO_RANDOM,
    "masked_fill": "graphc.where(mask, value, x)",
    "mm": "matmul",
    "mod": "remainder",
    "mul": "multiply",
    "mv": "matmul",
    "ndim": "x.ndim",
    "neg": "negative",
    "no_grad": "nothing runs while a graph is built; graphc.stop_gradient(x) cuts the gradient",
    "nonzero": "a size cannot depend on values: graphc.where(mask, a, b) chooses elements",
    "norm": "graphc.sqrt(graphc.sum(x * x))",
    "numpy": "graphc's own functions have the names: graphc.tanh(x); numpy.tanh(x) does the same",
    "optim": _UPDATES,
    "permute": "permute_dims",
    "placeholder": "input",
    "power": "pow",
    "rand": _NO_RANDOM,
    "randint": _NO_RANDOM,
    "randn": _NO_RANDOM,
    "random": _NO_RANDOM,
    "ravel": "flatten",
    "reduce_max": "max",
    "reduce_mean": "mean",
    "reduce_sum": "sum",
    "right_shift": "bitwise_right_shift",
    "rint": "round",
    "save": "tensors can be pickled: pickle.dump(w, file)",
    "scan": _NO_LOOPS,
    "scatter": "x.at[key].set(values), or .add(values)",
    "seed": _NO_RANDOM,
    "session": "graphc.compile([x], y) makes a function of arrays",
    "set_num_threads": "set_threads",
    "shape": "x.shape",
    "shared": "graphc.parameter for what is trained, graphc.state for what is not",
    "size": "x.size",
    "sort": _NO_SORT,
    "sub": "subtract",
    "symbol": "input",
    "tensor": "constant",
    "topk": _NO_SORT,
    "train": _UPDATES,
    "transpose": "graphc.permute_dims(x, axes), or x.T",
    "tree_map": "jit, grad and compile take trees as they are; dict comprehensions map over them",
    "tree_util": "jit, grad and compile take trees as they are; dict comprehensions map over them",
    "true_divide": "divide",
    "unique": "a size cannot depend on values",
    "unsqueeze": "expand_dims",
    "variable": "graphc.parameter for what is trained, graphc.input for what is given",
    "vectorize": "vmap",
    "view": "reshape",
    "vstack": "concat",
    "while_loop": _NO_LOOPS,
}

LAYERS: Mapping[str, str] = {
    "AdaptiveAvgPool2d": _WHOLE,
    "AvgPool2d": "avg_pool",
    "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy",
    "BatchNorm1d": "batch_norm",
    "BatchNorm2d": "batch_norm",
    "Conv1d": "conv",
    "Conv2d": "conv",
    "ConvTranspose2d": "conv_transpose",
    "CrossEntropyLoss": "cross_entropy",
    "Dense": "linear",
    "Dropout": _NO_RANDOM,
    "Embedding": "embedding",
    "Flatten": _ROWS,
    "GELU": "gelu",
    "GRU": _CELL,
    "GlobalAveragePooling2D": _WHOLE,
    "HuberLoss": "huber",
    "Identity": "x itself",
    "KLDivLoss": "kl_div",
    "L1Loss": "mae",
    "LSTM": _CELL,
    "LSTMCell": _CELL,
    "LayerNorm": "layer_norm",
    "Linear": "linear",
    "MSELoss": "mse",
    "MaxPool2d": "max_pool",
    "Module": FUNCTIONS["Module"],
    "ModuleList": _LIST,
    "MultiHeadAttention": "attention",
    "MultiheadAttention": "attention",
    "NLLLoss": "nll",
    "Parameter": "graphc.parameter",
    "ParameterDict": _LIST,
    "ParameterList": _LIST,
    "RMSNorm": "rms_norm",
    "RNN": _CELL,
    "ReLU": "relu",
    "Sequential": "call one function on the result of another",
    "Sigmoid": "sigmoid",
    "SmoothL1Loss": "huber",
    "Softmax": "softmax",
    "Tanh": "tanh",
    "adaptive_avg_pool2d": _WHOLE,
    "avg_pool2d": "avg_pool",
    "bce": "binary_cross_entropy",
    "bce_with_logits": "binary_cross_entropy",
    "binary_cross_entropy_with_logits": "binary_cross_entropy",
    "conv1d": "conv",
    "conv2d": "conv",
    "conv3d": "conv",
    "conv_transpose2d": "conv_transpose",
    "dropout": _NO_RANDOM,
    "hard_swish": "hardswish",
    "huber_loss": "huber",
    "initializers": "parameters begin with arrays: draw them by numpy.random.default_rng(0)",
    "kl_divergence": "kl_div",
    "l1_loss": "mae",
    "max_pool2d": "max_pool",
    "mse_loss": "mse",
    "nll_loss": "nll",
    "scaled_dot_product_attention": "attention",
    "smooth_l1_loss": "huber",
    "sparse_cross_entropy": "cross_entropy",
    "swish": "silu",
}

METHODS: Mapping[str, str] = {
    "assign": "x.value = array, for a parameter",
    "backward": "graphc.grad(loss, [w, b]) gives the gradients as tensors",
    "block_until_ready": "programs return when they are done: leave it out",
    "bmm": "x @ w",
    "bool": "x.astype('bool')",
    "clone": "x itself: a tensor does not change",
    "copy": "x itself: a tensor does not change",
    "cpu": _CPU,
    "cuda": _CPU,
    "data": "x.value, for a parameter",
    "detach": "graphc.stop_gradient(x)",
    "device": _CPU,
    "dim": "x.ndim",
    "dot": "x @ w",
    "double": "x.astype('float64')",
    "expand": "graphc.broadcast_to(x, shape)",
    "fill": "graphc.full_like(x, value)",
    "flat": "graphc.flatten(x)",
    "flatten": "graphc.flatten(x), or x.reshape(x.shape[0], -1) to keep the first axis",
    "float": "x.astype('float32')",
    "get_value": "x.value, for a parameter",
    "grad": "graphc.grad(loss, x) gives the gradient as a tensor",
    "indices": "graphc.argmax(x, axis=1) gives positions, x.max(axis=1) values alone",
    "int": "x.astype('int32')",
    "long": "x.astype('int64')",
    "matmul": "x @ w",
    "mm": "x @ w",
    "name": "x.named(label) gives one; it prints",
    "numpy": "x.eval({input: array}) computes it; x.value reads a parameter",
    "permute": "graphc.permute_dims(x, axes)",
    "pow": "x ** 2",
    "rank": "x.ndim",
    "repeat": "graphc.repeat(x, count, axis=0) repeats each element, graphc.tile(x, count) all",
    "requires_grad": "graphc.parameter makes what is trained; graphc.grad takes any tensor",
    "requires_grad_": "graphc.parameter makes what is trained; graphc.grad takes any tensor",
    "set_value": "x.value = array, for a parameter",
    "swapaxes": "graphc.swapaxes(x, axis1, axis2)",
    "t": "x.T",
    "to": _CPU,
    "tolist": "x.eval({input: array}).tolist()",
    "type": "x.dtype, or x.astype(dtype)",
    "unsqueeze": "graphc.expand_dims(x, axis), or x[:, None]",
    "update": "x.value = array, for a parameter; compile(updates={x: new}) in a step",
    "values": "graphc.argmax(x, axis=1) gives positions, x.max(axis=1) values alone",
    "view": "x.reshape(shape)",
}


# ---- answers ----


def nearest(name: str, known: Iterable[str]) -> str:
    """The known name that is most like another; "" where none is."""
    names = {k.lower(): k for k in known}
    found = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.7)
    return names[found[0]] if found else ""


def spellings(call: str = "") -> dict[str, str]:
    """How the public names are written, "softmax" as "graphc.nn.softmax", followed by `call`."""
    places = (f"{_PACKAGE}.nn", _PACKAGE)
    # nothing while the package is still being imported
    modules = [(p, vars(sys.modules[p])) for p in places if p in sys.modules]
    names = [(p, n) for p, module in modules for n in module.get("__all__", ())]
    return {name: f"{place}.{name}{call}" for place, name in names}


def answer(name: str, table: Mapping[str, str], spelled: Mapping[str, str]) -> str:
    """What to write instead: by the table, or the same or the nearest name that there is."""
    text = table.get(name) or (name if name in spelled else nearest(name, spelled))
    if text not in spelled:
        return text
    layer = name[0].isupper() and name not in FUNCTIONS and f"{_PACKAGE}.nn." in spelled[text]
    return f"did you mean {spelled[text]}?{_LAYER if layer else ''}"


def refused(
    what: str, name: str, table: Mapping[str, str], spelled: Mapping[str, str]
) -> AttributeError:
    """The error for a name that something does not have. Of names that begin with _ Python asks,
    and takes no for an answer."""
    if name.startswith("_"):
        return AttributeError(f"{what} has no attribute {name!r}")
    return UnknownNameError(f"{what} has no {name!r}", fix=answer(name, table, spelled))


def _refusing(place: str, table: Mapping[str, str]) -> Callable[[str], NoReturn]:
    """The `__getattr__` of a module."""

    def refuse(name: str) -> NoReturn:
        raise refused(place, name, table, spellings())

    return refuse


# objects: where a checker of types saw a function, it would take any name for a known one
of_graphc: object = _refusing(_PACKAGE, {**LAYERS, **FUNCTIONS})
of_nn: object = _refusing(f"{_PACKAGE}.nn", {**FUNCTIONS, **LAYERS})


# A program has no such hook: looking for missing names slows down finding those that are there, by
# 0.1 of 0.55 us a call.


def of_tensor(tensor: object, name: str) -> NoReturn:
    """The `__getattr__` of a tensor."""
    table = {**FUNCTIONS, **METHODS}
    methods = {method: f"x.{method}" for method in dir(type(tensor)) if method[0] != "_"}
    if name.endswith("_") and name[0] != "_" and name not in METHODS:
        table[name] = "a tensor does not change: write x = x + y, or x = x.at[key].set(values)"
    raise refused("a tensor", name, table, {**spellings("(x, ...)"), **methods})
