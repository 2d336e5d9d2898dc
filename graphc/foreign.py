"""Names of other libraries, and what to write here instead.

Enters: nothing. Leaves: tables, from a name that PyTorch, JAX, Keras, NumPy or Theano have to what
stands for it: a name of graphc's alone stands for "graphc.<name>", anything else is a sentence. A
name in lower case is meant in capitals, too, and where it ends in "2d".
"""

from collections.abc import Mapping

_CPU = "everything runs on the CPU; x.astype changes the dtype"
DOUBLED = "graphc.repeat(graphc.repeat(x, 2, axis=1), 2, axis=2) doubles images"
_GRAD = "graphc.grad(loss, [w, b]) gives the gradients as tensors"
_READY = "programs return when they are done: leave it out"
_LARGEST = "graphc.where(group == graphc.arange(n)[:, None], values, -graphc.inf).max(axis=1)"
_LEAST = "graphc.where(group == graphc.arange(n)[:, None], values, graphc.inf).min(axis=1)"
_SCATTER = "graphc.zeros(shape).at[i].add(values), or x.at[i].set(values)"


def by_name(*rows: tuple[str, str]) -> Mapping[str, str]:
    """Rows of several names, and what stands for each of them."""
    return {name: text for names, text in rows for name in names.split()}


FUNCTIONS: Mapping[str, str] = by_name(
    ("absolute", "abs"),
    ("accuracy accuracy_score metrics", "graphc.mean(graphc.argmax(logits, axis=1) == y)"),
    ("activations", "graphc.nn has activations: graphc.nn.relu, graphc.nn.gelu"),
    (
        "adadelta adagrad adam adamw fit lamb lbfgs lion minimize momentum optax optim"
        " optimisers optimizer optimizers rmsprop sgd train trainer",
        "an optimiser is a dict of updates: graphc.compile(inputs, loss, updates={w: w - rate"
        " * graphc.grad(loss, w)}); README.md has Adam",
    ),
    ("addmm baddbmm", "x @ w + b"),
    ("allclose", "graphc.all(graphc.isclose(a, b))"),
    ("amax reduce_max", "max"),
    ("amin reduce_min", "min"),
    ("arccos", "acos"),
    ("arccosh", "acosh"),
    ("arcsin", "asin"),
    ("arcsinh", "asinh"),
    ("arctan", "atan"),
    ("arctan2", "atan2"),
    ("arctanh", "atanh"),
    (
        "argpartition argsort lexsort median partition percentile quantile sort top_k topk",
        "graphc has no sorting; graphc.argmax and graphc.max find the largest",
    ),
    ("array convert_to_tensor floattensor from_numpy longtensor tensor to_tensor", "constant"),
    ("associative_scan cummax cummin cumprod logcumsumexp", "there are no scans along an axis yet"),
    ("astensor", "as_tensor"),
    ("autograd", "graphc.grad(loss, [w, b]) of tensors, graphc.grad(f) of a function"),
    (
        "backends cuda device device_get device_put devices distributed gpu is_available mps"
        " pmap shard_map xmap",
        _CPU,
    ),
    ("backward gradienttape", _GRAD),
    (
        "bernoulli categorical choice default_rng generator gumbel key manual_seed"
        " multinomial normal permutation prngkey rand rand_like randint randn randn_like"
        " random randperm seed shuffle uniform",
        "there are no random numbers in a graph: draw arrays by numpy.random.default_rng(0)",
    ),
    (
        "beta betaln digamma erfinv gamma gammaln lgamma special",
        "of special functions there are graphc.erf and the elementary ones",
    ),
    ("array_split tensor_split", "split"),
    ("average", "graphc.sum(w * x) / graphc.sum(w), or graphc.mean(x)"),
    ("bfloat16 complex64 float16 half", "floats are float32 and float64"),
    ("bincount histogram", "graphc.sum(graphc.one_hot(i, size), axis=0)"),
    ("bitwise_not invert", "bitwise_invert"),
    ("block_until_ready synchronize", _READY),
    ("bmm mm mv", "matmul"),
    ("broadcast_shapes", "broadcast_arrays"),
    ("bucketize digitize searchsorted", "graphc.sum(x[..., None] > edges, axis=-1), for few edges"),
    ("cat hstack vstack", "concat"),
    ("cdist pairwise_distance", "graphc.sum((a[:, None] - b) ** 2, axis=-1) are squared distances"),
    (
        "checkpoint recompute_grad remat",
        "graphc.compile(inputs, loss, memory_budget=bytes) runs kernels again",
    ),
    (
        "cholesky det eig eigh expm inv inverse linalg lstsq matrix_power pinv qr slogdet"
        " solve svd",
        "there is no linear algebra beyond products: matmul, einsum, tensordot",
    ),
    ("chunk", "split"),
    ("clamp clip_by_value clip_grad_value_", "clip"),
    (
        "clip_by_global_norm clip_grad_norm clip_grad_norm_",
        "n = sum(graphc.sum(g * g) for g in grads) ** 0.5, then g * graphc.minimum(1, limit / n)",
    ),
    (
        "cond foreach fori_loop ifelse scan while_loop",
        "there is no control flow in a graph: graphc.where chooses, Python's loops unroll",
    ),
    ("convolution convolve correlate", "conv"),
    (
        "cosine_similarity normalize",
        "x / graphc.sqrt(graphc.sum(x * x, axis=-1, keepdims=True)) has length 1",
    ),
    ("cumsum", "graphc.tril(graphc.ones((n, n))) @ x, for a short axis"),
    ("column_stack", "graphc.stack(columns, axis=1)"),
    ("conj imag real", "there are no complex numbers: leave it out"),
    (
        "custom_gradient custom_jvp custom_vjp",
        "s + graphc.stop_gradient(y - s) has the values of y and the gradient of s",
    ),
    (
        "data dataloader dataset tensordataset utils",
        "batches are slices of arrays: step.run_epoch(arrays, batch_size, shuffle=rng)",
    ),
    (
        "debug print",
        "nothing runs while a graph is built: return what is to be seen, graphc.compile([x],"
        " [y, hidden])",
    ),
    (
        "cross",
        "graphc.roll(a, -1, axis=-1) * graphc.roll(b, 1, axis=-1)"
        " - graphc.roll(a, 1, axis=-1) * graphc.roll(b, -1, axis=-1)",
    ),
    ("deg2rad radians", "x * (graphc.pi / 180)"),
    ("degrees rad2deg", "x * (180 / graphc.pi)"),
    ("detach", "stop_gradient"),
    ("diag diag_embed", "graphc.diagonal(x) takes it; graphc.eye(n) * v is a matrix of it"),
    ("div true_divide", "divide"),
    ("double", "float64"),
    ("dstack", "graphc.concat(tensors, axis=2), or graphc.stack"),
    (
        "dump make_jaxpr plot show summary visualise visualize",
        "graphc.text(y) prints a graph, graphc.draw(y) draws it",
    ),
    (
        "enable_grad inference_mode no_grad set_grad_enabled",
        "nothing runs while a graph is built; graphc.stop_gradient(x) cuts the gradient",
    ),
    ("enable_x64", "float64 is a dtype like others: dtype='float64', x.astype('float64')"),
    ("eval", "x.eval({input: array})"),
    ("exp10", "10.0**x"),
    ("expit", "sigmoid"),
    (
        "exponential_decay learning_rate lr_scheduler scheduler schedules",
        "the rate is an input: graphc.input('rate', ()), a number of every call",
    ),
    ("fft", "there are no Fourier transforms: transform arrays by numpy.fft, outside of the graph"),
    ("float", "float32"),
    ("float_power power", "pow"),
    ("fmod", "x - y * graphc.trunc(x / y) has the sign of x; graphc.remainder that of y"),
    ("frac", "x - graphc.trunc(x)"),
    ("function", "compile"),
    ("gather", "take_along_axis"),
    ("gather_nd", "x[i, j]"),
    (
        "glorot_normal glorot_uniform he_normal he_uniform init initializers kaiming_normal_"
        " kaiming_uniform_ xavier_normal_ xavier_uniform_",
        "parameters begin with arrays: draw them by numpy.random.default_rng(0)",
    ),
    ("gradient gradients", "grad"),
    ("hvp", "graphc.grad(graphc.sum(graphc.grad(loss, w) * v), w)"),
    ("index_add index_put scatter scatter_add scatter_nd segment_sum", _SCATTER),
    ("index_select", "take"),
    ("inner", "graphc.vecdot(a, b), or a @ b.T for every pair of rows"),
    ("int long", "int64"),
    ("interpolate resize upsample", DOUBLED),
    ("is_tensor", "isinstance(x, graphc.Tensor)"),
    ("jacfwd jacrev", "jacobian"),
    (
        "jnp np numpy",
        "graphc's own functions have the names: graphc.tanh(x); numpy.tanh(x) does the same",
    ),
    ("index_reduce scatter_max scatter_reduce segment_max", _LARGEST),
    ("kron", "graphc.einsum('ij,kl->ikjl', a, b), then x.reshape(rows, columns)"),
    (
        "lax",
        "graphc's own functions are at top level; there is no control flow in a graph:"
        " graphc.where chooses, Python's loops unroll",
    ),
    ("left_shift", "bitwise_left_shift"),
    ("lerp", "a + (b - a) * t"),
    ("logit", "graphc.log(x) - graphc.log1p(-x)"),
    ("load", "tensors can be pickled: pickle.load(file)"),
    (
        "load_state_dict state_dict",
        "numpy.savez('model.npz', w=w.value) keeps arrays, w.value = array brings them back",
    ),
    ("losses", "graphc.nn has losses: graphc.nn.cross_entropy, graphc.nn.mse"),
    ("map vectorize", "vmap"),
    ("masked_fill", "graphc.where(mask, value, x)"),
    (
        "Module equinox flax haiku keras layers model",
        "graphc.nn has functions: write a model as one of parameters and inputs",
    ),
    ("mod", "remainder"),
    ("movedim", "moveaxis"),
    ("mul", "multiply"),
    (
        "nan_to_num nanmax nanmean nanmin nansum",
        "graphc.where(graphc.isnan(x), 0, x) takes nan out",
    ),
    ("ndim", "x.ndim"),
    ("neg", "negative"),
    (
        "masked_select nonzero",
        "a size cannot depend on values: graphc.where(mask, a, b) chooses elements",
    ),
    ("norm", "graphc.sqrt(graphc.sum(x * x))"),
    ("Parameter", "parameter"),
    ("permute", "permute_dims"),
    ("placeholder symbol", "input"),
    ("ptp", "graphc.max(x) - graphc.min(x)"),
    ("ravel", "flatten"),
    ("reduce_mean", "mean"),
    ("reduce_sum", "sum"),
    ("requires_grad", "graphc.parameter makes what is trained; graphc.grad takes any tensor"),
    ("right_shift", "bitwise_right_shift"),
    ("rint", "round"),
    ("save", "tensors can be pickled: pickle.dump(w, file)"),
    ("segment_min scatter_min", _LEAST),
    ("select", "graphc.where(a, x, graphc.where(b, y, z))"),
    ("session", "graphc.compile([x], y) makes a function of arrays"),
    ("set_num_threads", "set_threads"),
    ("shape", "x.shape"),
    ("shared", "graphc.parameter for what is trained, graphc.state for what is not"),
    ("size", "x.size"),
    ("sub", "subtract"),
    ("switch", "where"),
    ("transpose", "graphc.permute_dims(x, axes), or x.T"),
    (
        "tree_flatten tree_leaves tree_map tree_util tree_unflatten pytree",
        "graphc.tree has flatten, unflatten and tree_map; grad, jit and compile take trees as they"
        " are",
    ),
    ("unbind", "unstack"),
    ("unique", "a size cannot depend on values"),
    ("unsqueeze", "expand_dims"),
    ("Variable variable", "graphc.parameter for what is trained, graphc.input for what is given"),
    ("view", "reshape"),
)

TREES: Mapping[str, str] = by_name(
    ("all", "graphc.tree.flatten(tree)[0] are its leaves: all(leaves)"),
    ("leaves tree_leaves", "graphc.tree.flatten(tree)[0]"),
    ("map multimap", "graphc.tree.tree_map(f, tree, *others)"),
    (
        "reduce tree_reduce",
        "graphc.tree.flatten(tree)[0] are its leaves: functools.reduce(f, leaves)",
    ),
    ("structure treedef tree_structure", "graphc.tree.flatten(tree)[1]"),
    ("tree_flatten", "graphc.tree.flatten(tree), which returns leaves and structure"),
    ("tree_unflatten", "graphc.tree.unflatten(structure, leaves)"),
)

METHODS: Mapping[str, str] = by_name(
    ("assign set_value", "x.value = array, for a parameter"),
    ("assign_add assign_sub", "graphc.compile(inputs, loss, updates={x: x + value})"),
    ("backward", _GRAD),
    ("block_until_ready", _READY),
    ("bmm dot matmul mm", "x @ w"),
    ("bool", "x.astype('bool')"),
    ("clone copy", "x itself: a tensor does not change"),
    ("contiguous", "memory is planned: leave it out"),
    ("cpu cuda device is_cuda to", _CPU),
    ("data get_value", "x.value, for a parameter; x.value = array assigns"),
    ("detach", "graphc.stop_gradient(x)"),
    ("dim rank", "x.ndim"),
    ("double", "x.astype('float64')"),
    ("expand", "graphc.broadcast_to(x, shape)"),
    ("fill", "graphc.full_like(x, value)"),
    ("flat", "graphc.flatten(x)"),
    ("flatten", "graphc.flatten(x), or x.reshape(x.shape[0], -1) to keep the first axis"),
    ("float", "x.astype('float32')"),
    ("grad", "graphc.grad(loss, x) gives the gradient as a tensor"),
    ("indices values", "graphc.argmax(x, axis=1) gives positions, x.max(axis=1) values alone"),
    ("int", "x.astype('int32')"),
    ("long", "x.astype('int64')"),
    ("name", "x.named(label) gives one that texts and drawings show; keep your own in a dict"),
    ("numel", "x.size"),
    ("numpy to_numpy", "x.eval({input: array}) computes it; x.value reads a parameter"),
    ("permute", "graphc.permute_dims(x, axes)"),
    ("pow", "x ** 2"),
    ("repeat", "graphc.repeat(x, count, axis=0) repeats each element, graphc.tile(x, count) all"),
    (
        "requires_grad requires_grad_",
        "graphc.parameter makes what is trained; graphc.grad takes any tensor",
    ),
    ("run session", "x.eval({input: array})"),
    ("scatter_add", _SCATTER),
    ("swapaxes", "graphc.swapaxes(x, axis1, axis2)"),
    ("t", "x.T"),
    ("tolist", "x.eval({input: array}).tolist()"),
    ("type", "x.dtype, or x.astype(dtype)"),
    ("unsqueeze", "graphc.expand_dims(x, axis), or x[:, None]"),
    ("update", "x.value = array, for a parameter; compile(updates={x: new}) in a step"),
    ("view", "x.reshape(shape)"),
    ("zero_grad zero_grad_", "a gradient is new in every step: leave it out"),
)

PLACES: Mapping[str, str] = by_name(
    ("apply", "x.at[key].set(f(x[key]))"),
    ("div divide", "x.at[key].set(x[key] / values), for a key that names no place twice"),
    (
        "max maximum",
        "x.at[key].set(graphc.maximum(x[key], values)), for a key that names no place twice; of"
        f" groups: {_LARGEST}",
    ),
    (
        "min minimum",
        "x.at[key].set(graphc.minimum(x[key], values)), for a key that names no place twice; of"
        f" groups: {_LEAST}",
    ),
    ("mul multiply", "x.at[key].set(x[key] * values), for a key that names no place twice"),
    ("pow power", "x.at[key].set(x[key] ** values), for a key that names no place twice"),
    ("sub", "subtract"),
)
