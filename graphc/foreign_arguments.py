"""Arguments of other libraries, and what to write here instead.

Enters: nothing. Leaves: tables, from a keyword that PyTorch, JAX, Keras and NumPy have to ours of
the same meaning, or to a sentence where there is none.
"""

from collections.abc import Mapping

_MEANS = (
    "losses are means over all rows; another one is written out: ((a - b) ** 2).sum(), or for"
    " classes -graphc.take_along_axis(graphc.nn.log_softmax(x), y[:, None], axis=-1)"
)
_ARRAY = "its value is an array: graphc.parameter('w', np.zeros(shape))"
_NEW = "a tensor does not change, and a result is always a new one: leave it out"
_CPU = "everything runs on the CPU: leave it out"
_DTYPE = "cast the argument or the result: x.astype(dtype)"
_SIZES = "sizes may change without it, as dims= names them: leave it out"
_SYMBOLIC = "a gradient is a graph, and can be differentiated again: leave it out"
_WHOLE_ROWS = "x.reshape(x.shape[0], -1) keeps the first axis"
_BIAS = "a bias is added to the result: graphc.nn.conv(x, w) + b"
_HEADS = "heads are an axis in front: q is (batch, heads, steps, size)"
_STATIC = "close over what is no array, or give it by functools.partial(f, value)"
_STATE = (
    "batch_norm takes mean= and variance= as tensors: running ones are graphc.state, which"
    " compile(updates=...) changes"
)

# A foreign name -> ours, of which that one is meant which the function has.
OURS: Mapping[str, str] = {
    "N": "n_rows",
    "M": "n_cols",
    "a": "x value",
    "a_max": "max",
    "a_min": "min",
    "argnum": "argnums",
    "alpha": "negative_slope",
    "arr": "x",
    "arys": "arrays",
    "attn_mask": "mask",
    "axes": "axis",
    "axis": "axes",
    "batch": "batch_size",
    "beta": "shift delta",
    "bias": "b shift mask",
    "chunks": "sections",
    "cond": "condition",
    "constant_values": "value",
    "cost": "loss",
    "data": "value x",
    "data_format": "layout",
    "ddof": "correction",
    "diagonal": "k offset",
    "depth": "size",
    "dilation_rate": "dilation",
    "dim": "axis axes",
    "dim0": "axis1",
    "dim1": "axis2",
    "dimension_numbers": "layout",
    "dims": "axes axis",
    "embeddings": "table",
    "end": "stop",
    "eps": "epsilon",
    "equation": "subscripts",
    "exponent": "b",
    "feature_group_count": "groups",
    "fill_value": "value",
    "fn": "f",
    "fun": "f",
    "func": "f",
    "function": "f loss output outputs",
    "gamma": "scale",
    "idx": "indices",
    "in_dims": "in_axes",
    "index": "indices",
    "indices_or_sections": "sections",
    "initial_value": "value",
    "input": "x logits predictions log_probabilities indices arrays inputs value",
    "inputs": "wrt x",
    "is_causal": "causal",
    "k": "offset",
    "keep_dims": "keepdims",
    "keepdim": "keepdims",
    "kernel": "w",
    "kernel_size": "size",
    "key": "k",
    "ksize": "size",
    "labels": "targets",
    "m": "n_cols",
    "n": "n_rows count",
    "n_classes": "size",
    "num_classes": "size",
    "num_threads": "count",
    "obj": "value",
    "object": "value",
    "offset": "k",
    "other": "b",
    "out_dims": "out_axes",
    "output": "outputs",
    "outputs": "loss output",
    "pad": "widths",
    "pad_width": "widths",
    "params": "wrt",
    "pool_size": "size",
    "pred": "predictions logits",
    "predictions": "logits",
    "query": "q",
    "reps": "repetitions",
    "rhs_dilation": "dilation",
    "running_mean": "mean",
    "running_var": "variance",
    "shifts": "shift",
    "size": "shape",
    "split_size_or_sections": "sections",
    "steps": "num",
    "strides": "stride",
    "target": "targets",
    "tensor": "x",
    "tensors": "arrays",
    "threads": "count",
    "var": "variance",
    "value": "v",
    "weight": "w scale table",
    "weights": "w",
    "window_shape": "size",
    "window_strides": "stride",
    "x": "a arrays",
    "x1": "a",
    "x2": "b",
    "y": "b",
    "y_pred": "predictions logits",
    "y_true": "targets",
}

# Values of such arguments, and ours.
VALUES: Mapping[str, str] = {"channels_first": "NCHW", "channels_last": "NHWC"}

# What to write where too much is given by place.
PLACED: Mapping[str, str] = {
    "conv": _BIAS,
    "draw": "several gradients in a list: graphc.draw(loss, [dw, db])",
    "eval": "values in one dict: x.eval({x: array, y: array})",
    "explain": "it reads no arrays: print(step.explain()); step.profile(x, y) runs the program",
    "flatten": "x.reshape(x.shape[0], -1) keeps the first axis",
    "grad": "several in a list: graphc.grad(loss, [w, b])",
    "memory_for": "sizes by name: step.memory_for(batch=32)",
    "permute_dims": "axes in one tuple: graphc.permute_dims(x, (0, 2, 1))",
    "reshape": "the shape in one tuple: graphc.reshape(x, (2, -1)), or x.reshape(2, -1)",
    "run_epoch": (
        "arrays in one list, other inputs by name: step.run_epoch([x, y], batch_size, rate=0.1)"
    ),
    "squeeze": "several axes in a tuple: graphc.squeeze(x, (0, 2))",
    "tile": "repetitions in one tuple: graphc.tile(x, (2, 1))",
    "text": "several in a list: graphc.text([loss, dw])",
}

# What has no name here, or is missing; "function.name", and "function." for all names, go first.
REMARKS: Mapping[str, str] = {
    "allow_input_downcast": "floats convert by NumPy's same_kind rule: leave it out",
    "add.mode": "an index outside of its axis is an error: leave it out",
    "allow_unused": "what a loss does not depend on gets zeros: leave it out",
    "batch_norm.momentum": _STATE,
    "batch_norm.train": _STATE,
    "batch_norm.training": _STATE,
    "ceil_mode": "padding='same' keeps the last window",
    "conv.bias": _BIAS,
    "conv.kernel_size": "the weights have it: w is (height, width, channels in, channels out)",
    "conv.out_channels": "the weights have it: w is (height, width, channels in, channels out)",
    "conv_transpose.bias": _BIAS,
    "compile.outputs": "graphc.jit(f) compiles a function of arrays",
    "copy": _NEW,
    "create_graph": _SYMBOLIC,
    "cross_entropy.from_logits": "it takes logits, always: leave it out",
    "cross_entropy.label_smoothing": (
        "(1 - s) * graphc.nn.cross_entropy(x, y) - s * graphc.nn.log_softmax(x).mean()"
    ),
    "decimals": "graphc.round(x * 100) / 100 has two decimals",
    "device": _CPU,
    "donate_argnames": "memory is planned for every call: leave it out",
    "donate_argnums": "memory is planned for every call: leave it out",
    "dropout_p": "there are no random numbers in a graph: multiply by a mask that is an input",
    "dtype": _DTYPE,
    "dynamic": _SIZES,
    "eval.": "values are given by tensor: x.eval({x: array})",
    "from_logits": "it takes logits, always: leave it out",
    "fullgraph": "a graph is always whole: leave it out",
    "givens": "graphc.input is given at a call; a constant is built in",
    "grad.wrt": "of a tensor: graphc.grad(loss, [w, b]); of a function: graphc.grad(f)(w, x)",
    "grad_outputs": "graphc.vjp(outputs, wrt, cotangents)",
    "end_dim": _WHOLE_ROWS,
    "heads": _HEADS,
    "holomorphic": "there are no complex numbers: leave it out",
    "initial": "graphc.maximum(x, value), or + value, on the result",
    "inplace": _NEW,
    "jit.f": "@functools.partial(graphc.jit, dims=...) decorates with arguments",
    "mode": "there is one way to compile: leave it out",
    "num_heads": _HEADS,
    "ndigits": "graphc.round(x * 100) / 100 has two decimals",
    "ndmin": "x[None] adds an axis",
    "normalized_shape": "axis=-1 is the last axis; axis=(-2, -1) are two",
    "on_unused_input": "an input that nothing reads is allowed: leave it out",
    "order": "elements are in row-major order: leave it out",
    "out": _NEW,
    "pad.mode": "padding is constant: value=0",
    "padding_mode": "what is padded is 0; graphc.pad pads with other numbers",
    "padding_idx": "graphc.where(i == padding, 0, rows) hides rows, and stops their gradient",
    "pos_weight": "weigh the elements, and write the mean out",
    "parameter.shape": _ARRAY,
    "precision": "sums are in the dtype of the operands: leave it out",
    "preferred_element_type": _DTYPE,
    "reduce": _MEANS,
    "reduction": _MEANS,
    "requires_grad": "graphc.parameter makes what is trained; graphc.grad takes any tensor",
    "retain_graph": _SYMBOLIC,
    "set.mode": "an index outside of its axis is an error: leave it out",
    "size_average": _MEANS,
    "start_dim": _WHOLE_ROWS,
    "state.shape": _ARRAY,
    "static_argnames": _STATIC,
    "static_argnums": _STATIC,
    "training": "a function does the same in training and after it: leave it out",
    "trainable": "graphc.parameter is trained, graphc.state is not",
    "unbiased": "correction=1 divides by n - 1, correction=0 by n",
    "weight": "weigh the rows or elements, and write the mean out",
    "where": "graphc.where(mask, x, other) chooses first",
    "where.a": "where are the elements? a size cannot depend on values: where(mask, a, b) chooses",
}
