"""From the kernel language to LLVM IR: a walk over the syntax tree of a function.

Enters: a `Function` whose names are those of the kernel language, and the kinds of its arguments.
Leaves: the text of an LLVM IR module with that function, for `machine.py` to optimise.

The language is a small part of Python, typed from the arguments on: assignments (also to p[i] and
to several names), for over a range or lanes, while, if, return, operators on operands of one kind,
and/or, choices (a if c else b), calls of intrinsics and of helper functions, which are copied in. A
literal takes the integer kind of what it meets. Names become values in SSA form at once (`ssa.py`),
so that a name is known behind an `if` when both branches know it, and behind a loop when it was
known before. Nothing in the language can raise.

    function = functions_of("def twice(n):\n    return n + n\n")["twice"]
    to_llvm(function, "twice_1", ("i64",), "i64", Dialect(LANGUAGE, KERNEL))
"""

import ast
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NoReturn

from llvmlite import ir

from graphc.errors import CompileError
from graphc.runtime.language.intrinsics_llvm import F64, I1, I64, VALUE_TYPES
from graphc.runtime.language.lanes_llvm import mark_lanes
from graphc.runtime.language.names import LOOPS, VOID, Dtype, Intrinsic, Literal
from graphc.runtime.language.operators import Operators
from graphc.runtime.language.ssa import NOTHING, End, Flow, Operand, branch, fixed, joined, loop


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the language; `find` gives the helpers and numbers that it names."""

    definition: ast.FunctionDef
    find: "Callable[[str], Function | float | None]"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a function may call, by name, and its operators, by their class in the syntax tree."""

    names: Mapping[str, Intrinsic]
    operators: Operators


@dataclass(frozen=True, slots=True)
class _Scope:
    """A function body while it is translated. A loop is itself the name of its counter."""

    flow: Flow
    function: Function
    dialect: Dialect
    done: Any
    returns: list[End] = field(default_factory=list)


_RESULT = "the result"  # no name of a variable


def functions_of(text: str) -> dict[str, Function]:
    """The functions of a source, which may call each other."""
    functions: dict[str, Function] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef):
            functions[node.name] = Function(node, functions.get)
    return functions


def to_llvm(
    function: Function, symbol: str, arguments: Sequence[str], result: str, dialect: Dialect
) -> str:
    """The module of a function under the name `symbol`. Raises CompileError."""
    module = ir.Module(symbol)
    returned = ir.VoidType() if result == VOID else VALUE_TYPES[result]
    signature = ir.FunctionType(returned, [VALUE_TYPES[kind] for kind in arguments])
    native: Any = ir.Function(module, signature, symbol)
    native.attributes.add("nounwind")
    builder: Any = ir.IRBuilder(native.append_basic_block())
    made = _body(builder, function, dialect, list(map(Operand, arguments, native.args)))
    if fixed(made.kind) != result:
        raise CompileError(f"{function.definition.name} returns {result}", got=str(made.kind))
    builder.ret_void() if result == VOID else builder.ret(made.value)
    return str(module)


def _body(
    builder: Any, function: Function, dialect: Dialect, operands: Sequence[Operand]
) -> Operand:
    """The statements of a function, with operands for its arguments, where the builder stands."""
    wanted = [argument.arg for argument in function.definition.args.args]
    if len(wanted) != len(operands):
        _refuse(function.definition.args, f"{len(operands)} arguments")
    done = builder.append_basic_block("done")
    flow = Flow(builder, dict(zip(wanted, operands, strict=True)))
    scope = _Scope(flow, function, dialect, done)
    _statements(scope, function.definition.body)
    if not scope.flow.ended:
        _return(scope, NOTHING)
    builder.position_at_end(done)
    names = joined(builder, scope.returns)
    return names[_RESULT] if names else _refuse(function.definition, "results of several kinds")


# ---- statements ---------------------------------------------------------------------------------


def _statements(scope: _Scope, body: Iterable[ast.stmt]) -> None:
    for node in body:
        if not scope.flow.ended:  # else it stands behind a return
            _statement(scope, node)


def _statement(scope: _Scope, node: ast.stmt) -> None:
    match node:
        case ast.Assign(targets=[target], value=value):
            _assign(scope, target, _expression(scope, value))
        case ast.AugAssign(target=ast.Name() as target, op=op, value=value):
            operands = _named(scope, target), _expression(scope, value)
            _assign(scope, target, _operation(scope, op, operands, node))
        case ast.Expr(value=ast.Constant()) | ast.Pass():
            pass
        case ast.Expr(value=value):
            _expression(scope, value)
        case ast.If(test=test, body=body, orelse=otherwise):
            ways = [partial(_statements, scope, part) for part in (body, otherwise)]
            branch(scope.flow, _truth(scope, test), *ways)
        case ast.For(
            target=ast.Name(), iter=ast.Call(func=ast.Name(id=name), args=bounds), orelse=[]
        ) if name in LOOPS and len(bounds) <= 2:
            blocks = scope.flow.builder.function.blocks
            before = len(blocks)
            operands = [_expression(scope, bound) for bound in bounds]
            _for(scope, node, operands)
            if name != "range":
                known = isinstance(operands[-1].kind, Literal)
                mark_lanes(blocks[before:], masks=name == "masked_lanes", whole=known)
        case ast.While(test=test, body=body, orelse=[]):
            assigned = _assigned(body)
            loop(
                scope.flow,
                assigned,
                partial(_truth, scope, test),
                partial(_statements, scope, body),
            )
        case ast.Return(value=value):
            _return(scope, _expression(scope, value) if value else NOTHING)
        case _:
            _refuse(node, type(node).__name__)


def _assign(scope: _Scope, target: ast.expr, operand: Operand) -> None:
    match target:
        case ast.Name(id=name):
            scope.flow.names[name] = operand
        case ast.Tuple(elts=targets) if isinstance(operand.kind, tuple):
            for one, part in zip(targets, operand.value, strict=True):
                _assign(scope, one, part)
        case ast.Subscript(value=memory, slice=index, ctx=store):
            place = _expression(scope, memory), _expression(scope, index)
            _operation(scope, store, (*place, operand), target)
        case _:
            _refuse(target, f"{operand.kind}")


def _return(scope: _Scope, operand: Operand) -> None:
    scope.returns.append(End(scope.flow.builder.block, {_RESULT: operand}))
    scope.flow.builder.branch(scope.done)


def _for(scope: _Scope, node: ast.For, bounds: Sequence[Operand]) -> None:
    """The body sees a copy of the counter."""
    flow, start = scope.flow, _constant(0, node)
    *starts, stop = bounds

    def more() -> Operand:
        return _operation(scope, ast.Lt(), (flow.names[node], stop), node)

    def turn() -> None:
        counter = flow.names[node]
        _assign(scope, node.target, counter)
        _statements(scope, node.body)
        if not flow.ended:
            following = flow.builder.add(counter.value, ir.Constant(I64, 1), flags=("nsw",))
            flow.names[node] = Operand("i64", following)

    flow.names[node] = starts[0] if starts else start
    loop(flow, _assigned([node]), more, turn)


def _assigned(body: Iterable[ast.AST]) -> dict[Any, None]:
    """The names that statements assign, and the loops among them, in order."""
    found: dict[Any, None] = {}
    for node in (node for statement in body for node in ast.walk(statement)):
        if isinstance(node, ast.For):
            found[node] = None
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found[node.id] = None
    return found


# ---- expressions --------------------------------------------------------------------------------


def _expression(scope: _Scope, node: ast.expr) -> Operand:
    match node:
        case ast.Name():
            return _named(scope, node)
        case ast.Constant(value=value):
            return _constant(value, node)
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return _constant(-value, node)
        case ast.UnaryOp(op=op, operand=x):
            return _operation(scope, op, (_expression(scope, x),), node)
        case ast.BinOp(left=x, op=op, right=y):
            return _operation(scope, op, (_expression(scope, x), _expression(scope, y)), node)
        case ast.Compare(left=left, ops=ops, comparators=others):
            return _comparisons(scope, ops, [_expression(scope, x) for x in (left, *others)], node)
        case ast.Subscript(value=memory, slice=index, ctx=load):
            place = _expression(scope, memory), _expression(scope, index)
            return _operation(scope, load, place, node)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
            return _call(scope, name, [_expression(scope, a) for a in arguments], node)
        case _:
            return _combined(scope, node)


def _combined(scope: _Scope, node: ast.expr) -> Operand:
    """Expressions of which parts may not be computed, and tuples."""
    match node:
        case ast.BoolOp(op=op, values=[first, *others]):
            return _either(scope, isinstance(op, ast.Or), _truth(scope, first), others)
        case ast.IfExp(test=test, body=yes, orelse=no):
            ways = [partial(_expression, scope, way) for way in (yes, no)]
            return _choice(scope, _truth(scope, test), ways, node)
        case ast.Tuple(elts=parts):
            operands = [_expression(scope, part) for part in parts]
            return Operand(tuple([operand.kind for operand in operands]), operands)
        case _:
            return _refuse(node, type(node).__name__)


def _named(scope: _Scope, node: ast.Name) -> Operand:
    if node.id in scope.flow.names:
        return scope.flow.names[node.id]
    if node.id in VALUE_TYPES:
        return Operand(Dtype(node.id), None)
    number = scope.function.find(node.id)
    if not isinstance(number, float):
        _refuse(node, "a name without a value")
    return _constant(number, node)


def _constant(value: Any, node: ast.AST) -> Operand:
    if isinstance(value, float):
        return Operand("f64", ir.Constant(F64, value))
    if type(value) is not int:
        _refuse(node, f"{value!r}")
    wrapped = (value + 2**63) % 2**64 - 2**63  # those of uint64 reach beyond
    return Operand(Literal(value), ir.Constant(I64, wrapped))


def _operation(scope: _Scope, op: ast.AST, operands: Sequence[Operand], node: ast.AST) -> Operand:
    if len(operands) == 2:
        x, y = operands
        operands = _literal_as(x, y), _literal_as(y, x)
    entry = scope.dialect.operators.get(type(op))
    return _apply(scope, entry, operands, node) if entry else _refuse(node, type(op).__name__)


def _literal_as(x: Operand, other: Operand) -> Operand:
    """A literal beside an integer is of that kind, if that has its value."""
    kind = other.kind
    if not isinstance(x.kind, Literal) or not isinstance(kind, str) or kind[0] not in "iu":
        return x
    bits, signed = int(kind[1:]), kind[0] == "i"
    if not -(signed << (bits - 1)) <= x.kind.value < 1 << (bits - signed):
        return x
    return Operand(kind, ir.Constant(VALUE_TYPES[kind], x.kind.value))


def _comparisons(scope: _Scope, ops: Any, operands: Sequence[Operand], node: Any) -> Operand:
    """a < b <= c: all of them hold."""
    triples = zip(ops, operands, operands[1:], strict=False)
    first, *others = [_operation(scope, op, (x, y), node) for op, x, y in triples]
    for other in others:
        first = _operation(scope, ast.BitAnd(), (first, other), node)
    return first


def _truth(scope: _Scope, node: ast.expr) -> Operand:
    operand = _expression(scope, node)
    return operand if operand.kind == "b1" else _refuse(node, f"a condition of {operand.kind}")


def _either(scope: _Scope, is_or: bool, first: Operand, others: Sequence[ast.expr]) -> Operand:
    """a or b, a and b: b is computed where a does not decide."""
    if not others:
        return first
    decided = Operand("b1", ir.Constant(I1, int(is_or)))

    def rest() -> Operand:
        return _either(scope, is_or, _truth(scope, others[0]), others[1:])

    ways = (lambda: decided, rest) if is_or else (rest, lambda: decided)
    return _choice(scope, first, ways, others[0])


def _choice(scope: _Scope, condition: Operand, ways: Any, node: ast.AST) -> Operand:
    """The operand that one of two functions gives."""

    def take(way: Callable[[], Operand]) -> None:
        scope.flow.names[_RESULT] = way()

    branch(scope.flow, condition, *[partial(take, way) for way in ways])
    if _RESULT not in scope.flow.names:
        _refuse(node, "a choice between different kinds")
    return scope.flow.names.pop(_RESULT)


def _call(scope: _Scope, name: str, operands: Sequence[Operand], node: ast.AST) -> Operand:
    entry = scope.dialect.names.get(name)
    if entry is not None:
        return _apply(scope, entry, operands, node)
    helper = scope.function.find(name)
    if not isinstance(helper, Function):
        _refuse(node, "a function that the language does not have")
    return _body(scope.flow.builder, helper, scope.dialect, operands)


def _apply(scope: _Scope, entry: Intrinsic, operands: Sequence[Operand], node: ast.AST) -> Operand:
    """Literals are integers, but where a literal is wanted."""
    given = [operand.kind for operand in operands]
    for kinds in (tuple(map(fixed, given)), tuple(given)):
        result = entry.result(*kinds)
        if result is not None:
            values = [operand.value for operand in operands]
            return Operand(result, entry.llvm(scope.flow.builder, kinds, *values))
    return _refuse(node, f"operands of kinds {', '.join(map(str, given))}")


def _refuse(node: ast.AST, got: str) -> NoReturn:
    raise CompileError(f"the kernel language has no {ast.unparse(node)}", got=got)
