"""Errors print what, got, where and the fix; `caller` finds the user's line."""

import copy
import inspect
import pathlib
import pickle

import pytest

from graphc import errors
from graphc.errors import UNKNOWN, GraphcError, ShapeError, Where, caller

TYPED = [
    (errors.ShapeError, ValueError),
    (errors.DTypeError, TypeError),
    (errors.BindingError, ValueError),
    (errors.MissingInputError, TypeError),
    (errors.UnknownInputError, TypeError),
    (errors.GraphError, ValueError),
    (errors.ArgumentError, TypeError),
    (errors.GradientError, TypeError),
    (errors.IndexRangeError, IndexError),
    (errors.GuardError, ValueError),
    (errors.MemoryBudgetError, MemoryError),
    (errors.LoweringError, RuntimeError),
    (errors.CompileError, RuntimeError),
    (errors.UpdateError, TypeError),
    (errors.ConcretenessError, TypeError),
    (errors.UnknownNameError, AttributeError),
    (errors.ThreadError, RuntimeError),
    (errors.MissingPackageError, ImportError),
]


def line() -> int:
    frame = inspect.currentframe()
    assert frame is not None
    assert frame.f_back is not None
    return frame.f_back.f_lineno


@pytest.mark.parametrize(("error", "builtin"), TYPED)
def test_every_error_is_also_the_builtin_that_users_catch(
    error: type[GraphcError], builtin: type[Exception]
) -> None:
    raised = error("what", got="got", fix="fix")
    assert isinstance(raised, builtin)
    assert isinstance(raised, GraphcError)


def test_the_table_is_complete() -> None:
    assert {error for error, _ in TYPED} == set(GraphcError.__subclasses__())


def test_message() -> None:
    where = Where("examples/mlp.py", 41, "model")
    error = ShapeError("matmul: inner sizes differ", got="784 != 512", where=where, fix="use\nw.T")
    assert str(error) == (
        "matmul: inner sizes differ  [784 != 512]\n  at examples/mlp.py:41, in model\n  use\n  w.T"
    )
    assert str(ShapeError("bare", where=UNKNOWN)) == "bare"


def test_the_line_is_the_users() -> None:
    error, expected = ShapeError("wrong"), line()
    assert error.where == Where(__file__, expected, "test_the_line_is_the_users")
    assert str(error).endswith(f":{expected}, in test_the_line_is_the_users")


def test_a_path_in_the_working_directory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    here = pathlib.Path(__file__)
    monkeypatch.chdir(here.parent)
    assert str(Where(str(here), 3)) == "test_errors.py:3"
    assert str(Where("/elsewhere/a.py", 3, "f")) == "/elsewhere/a.py:3, in f"


def run(source: str, file: str, module: str) -> Where:
    space = {"__name__": module, "caller": caller}
    exec(compile(source, file, "exec"), space)
    where = space["where"]
    assert isinstance(where, Where)
    return where


def test_frames_of_the_package_are_passed_over() -> None:
    inside = str(pathlib.Path(errors.__file__).parent / "nn" / "layers.py")
    assert run("where = caller()", inside, "graphc.nn.layers").file == __file__
    assert run("where = caller()", "<string>", "graphc.nn.layers").file == __file__
    assert run("where = caller()", "<string>", "__main__") == Where("<string>", 1)
    assert run("\nwhere = caller()", "<cell 3>", "__main__") == Where("<cell 3>", 2)


def test_places_are_shared_and_take_a_scope() -> None:
    first, again = [caller("encoder/layer 2") for _ in range(2)]
    assert first is again
    assert first.scope == "encoder/layer 2"


def test_copies_keep_every_part() -> None:
    error = ShapeError("what", got="got", where=Where("f.py", 1, "f"), fix="fix")
    for again in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(again) is ShapeError
        assert (str(again), again.where, again.fix) == (str(error), error.where, error.fix)
