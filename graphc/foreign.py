"""Names of other libraries, and what to write here instead.

Enters: nothing. Leaves: tables, from a name that PyTorch, JAX, Keras, NumPy or Theano have to what
stands for it: a name of graphc's alone stands for "graphc.<name>", anything else is a sentence. A
name in lower case is meant in capitals, too, and where it ends in "2d".
"""

from collections.abc import Mapping

_CPU = "everything runs on the CPU; x.astype changes the dtype"
_DOUBLED = "graphc.repeat(graphc.repeat(x, 2, axis=1), 2, axis=2) doubles images"
_GRAD = "graphc.grad(loss, [w, b]) gives the gradients as tensors"
_READY = "programs return when they are done: leave it out"
_LARGEST = "graphc.where(group == graphc.arange(n)[:, None], values, -graphc.inf).max(axis=1)"
_LEAST = "graphc.where(group == graphc.arange(n)[:, None], values, graphc.inf).min(axis=1)"
_SCATTER = "graphc.zeros(shape).at[i].add(values), or x.at[i].set(values)"


def _by_name(*rows: tuple[str, str]) -> Mapping[str, str]:
    """Rows of several names, and what stands for each of them."""
    return {name: text for names, text in rows for name in names.split()}


FUNCTIONS: Mapping[str, str] = _by_name(
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
    ("interpolate resize upsample", _DOUBLED),
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

LAYERS: Mapping[str, str] = _by_name(
    (
        "adaptive_avg_pool adaptiveavgpool global_avg_pool globalaveragepooling globalavgpool",
        "graphc.mean(x, axis=(1, 2)) is the mean of whole images, (2, 3) where channels come first",
    ),
    (
        "adaptive_max_pool adaptivemaxpool global_max_pool globalmaxpooling",
        "graphc.max(x, axis=(1, 2)), where channels are last",
    ),
    (
        "alphadropout dropout spatialdropout",
        "multiply by a mask that is an input: x * keep / 0.8, where numpy.random draws keep",
    ),
    ("BatchNormalization", "batch_norm"),
    (
        "BCELoss bce binary_cross_entropy binary_crossentropy",
        "graphc.nn.binary_cross_entropy_with_logits(x, y) takes what goes into the sigmoid;"
        " of probabilities p: -graphc.mean(y * graphc.log(p) + (1 - y) * graphc.log(1 - p))",
    ),
    (
        "BCEWithLogitsLoss bce_with_logits sigmoid_binary_cross_entropy sigmoid_cross_entropy"
        " sigmoid_cross_entropy_with_logits",
        "binary_cross_entropy_with_logits",
    ),
    (
        "categorical_crossentropy softmax_cross_entropy softmax_cross_entropy_with_logits",
        "-graphc.mean(graphc.sum(y * graphc.nn.log_softmax(x), axis=-1)), for one-hot rows;"
        " graphc.nn.cross_entropy takes classes",
    ),
    ("celu", "alpha * graphc.nn.elu(x / alpha)"),
    (
        "CrossEntropyLoss softmax_cross_entropy_with_integer_labels"
        " sparse_categorical_crossentropy sparse_cross_entropy sparse_softmax_cross_entropy",
        "cross_entropy",
    ),
    ("Dense Linear affine dense fully_connected linear_layer", "linear"),
    ("depthwise_conv depthwiseconv", "graphc.nn.conv(x, w, groups=channels)"),
    ("Embedding", "embedding"),
    ("embedding_bag embeddingbag", "graphc.mean(graphc.nn.embedding(table, i), axis=1)"),
    ("Flatten", "x.reshape(x.shape[0], -1)"),
    ("gaussian_nll_loss", "graphc.mean(0.5 * (graphc.log(v) + (y - m) ** 2 / v))"),
    ("GELU", "gelu"),
    (
        "group_norm groupnorm",
        "of x.reshape(n, -1, groups, channels // groups): graphc.nn.layer_norm(x, axis=(1, 3))",
    ),
    (
        "gru gru_cell grucell lstm lstm_cell lstmcell rnn rnn_cell rnncell simplernn",
        "write a step as a function of (x, state), and call it in a Python loop over time: it"
        " unrolls",
    ),
    ("gumbel_softmax", "graphc.nn.softmax(x + noise), where noise is an input"),
    ("hard_swish", "hardswish"),
    ("hard_tanh hardtanh", "graphc.clip(x, -1, 1)"),
    ("hinge_loss", "hinge"),
    ("HuberLoss SmoothL1Loss huber_loss smooth_l1 smooth_l1_loss", "huber"),
    ("Identity", "x itself"),
    ("instance_norm instancenorm", "graphc.nn.layer_norm(x, axis=(1, 2)), where channels are last"),
    ("KLDivLoss kl_divergence", "kl_div"),
    ("L1Loss l1_loss mean_absolute_error", "mae"),
    ("LayerNorm LayerNormalization", "layer_norm"),
    (
        "ModuleList ParameterDict ParameterList",
        "a list or a dict of parameters: graphc.grad and graphc.jit take them as they are",
    ),
    ("MSELoss mean_squared_error mse_loss squared_error", "mse"),
    ("MultiHeadAttention MultiheadAttention scaled_dot_product_attention", "attention"),
    ("NLLLoss nll_loss", "nll"),
    ("Parameter", "graphc.parameter"),
    ("pixelshuffle upsampling", _DOUBLED),
    ("poisson_nll_loss", "graphc.mean(graphc.exp(x) - y * x)"),
    ("prelu", "graphc.where(x > 0, x, slope * x)"),
    ("ReLU", "relu"),
    ("RMSNorm", "rms_norm"),
    ("Sequential", "call one function on the result of another"),
    ("Sigmoid", "sigmoid"),
    ("Softmax", "softmax"),
    ("softmin", "graphc.nn.softmax(-x)"),
    ("swish", "silu"),
    ("Tanh", "tanh"),
    ("tanhshrink", "x - graphc.tanh(x)"),
    ("threshold", "graphc.where(x > limit, x, value)"),
    (
        "transformer transformerblock transformerencoder transformerencoderlayer",
        "graphc.nn.attention, graphc.nn.layer_norm and graphc.nn.linear make a block",
    ),
)

METHODS: Mapping[str, str] = _by_name(
    ("assign set_value", "x.value = array, for a parameter"),
    ("assign_add assign_sub", "graphc.compile(inputs, loss, updates={x: x + value})"),
    ("backward", _GRAD),
    ("block_until_ready", _READY),
    ("bmm dot matmul mm", "x @ w"),
    ("bool", "x.astype('bool')"),
    ("clone copy", "x itself: a tensor does not change"),
    ("contiguous", "memory is planned: leave it out"),
    ("cpu cuda device is_cuda to", _CPU),
    ("data get_value", "x.value, for a parameter"),
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
    ("name", "x.named(label) gives one; it prints"),
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

PLACES: Mapping[str, str] = _by_name(
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
