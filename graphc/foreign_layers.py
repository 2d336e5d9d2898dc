"""Names of layers and losses of other libraries, and what to write for them here.

Enters: nothing. Leaves: a table as those of `foreign.py`.
"""

from collections.abc import Mapping

from graphc.foreign import DOUBLED, by_name

LAYERS: Mapping[str, str] = by_name(
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
    ("pixelshuffle upsampling", DOUBLED),
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
