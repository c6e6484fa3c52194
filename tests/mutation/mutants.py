"""Makes mutants: copies of a module with one small fault each, which some test has to notice.

A mutant's name has no line number in it, so it stays the same while the code around it moves.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).parent.parent.parent
NOT_CODE = {"annotation", "returns", "decorator_list", "bases", "type_params"}
# What stands in an operator's place.
OPERATORS: Mapping[type[ast.AST], tuple[type[Any], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.And: (ast.Or,),
    ast.Or: (ast.And,),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.Mult: (ast.Add,),
    ast.Div: (ast.Mult,),
    ast.BitOr: (ast.BitAnd,),
    ast.BitAnd: (ast.BitOr,),
}
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}


def source_of(module: str) -> Path:
    """The file of a module."""
    return ROOT / (module.replace(".", "/") + ".py")


def mutants_of(module: str) -> list[str]:
    """The names of a module's mutants, from top to bottom: `module:function: code → mutated code`."""
    return [f"{module}:{fault}" for fault in planted(ast.parse(source_of(module).read_text()))]


def module_of(mutant: str) -> str:
    """The module that a mutant is one of."""
    return mutant.partition(":")[0]


def code_of(mutant: str) -> CodeType:
    """The compiled module with the mutant's fault."""
    module, _, wanted = mutant.partition(":")
    tree = ast.parse(source_of(module).read_text())
    next(fault for fault in planted(tree) if fault == wanted)
    return compile(tree, str(source_of(module)), "exec")


def planted(tree: ast.Module) -> Iterator[str]:
    """Plants one fault after the other in the tree, and yields its name while it is there."""
    named: Counter[str] = Counter()
    for node, put, within in list(_parts(tree, "")):
        for fault in list(_faults(node)):
            ast.fix_missing_locations(ast.copy_location(fault, node))
            name = f"{within or 'module'}: {_shown(node)} → {_shown(fault)}"
            named[name] += 1
            put(fault)
            yield name if named[name] == 1 else f"{name} #{named[name]}"
            put(node)


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:60]}…{text[-28:]}"


def _parts(holder: ast.AST, within: str) -> Iterator[tuple[ast.AST, Callable[[ast.AST], None], str]]:
    """Every part of a tree that is code, what puts another in its place, and the function or class around it."""
    for field, value in ast.iter_fields(holder):
        if field in NOT_CODE or (isinstance(holder, ast.ClassDef) and field == "keywords"):
            continue
        for index, node in enumerate(value if isinstance(value, list) else [value]):
            if not isinstance(node, ast.AST) or _is_not_code(holder, node):
                continue
            put = partial(value.__setitem__, index) if isinstance(value, list) else partial(setattr, holder, field)
            yield node, put, within
            inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            yield from _parts(node, f"{within}.{node.name}".lstrip(".") if inner else within)


def _is_not_code(holder: ast.AST, node: ast.AST) -> bool:
    """Whether it is a docstring, the words in an f-string, or a name for types."""
    if isinstance(node, ast.Constant):
        return isinstance(holder, ast.Expr | ast.JoinedStr | ast.FormattedValue)
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "TypeVar"


def _faults(node: ast.AST) -> Iterator[ast.AST]:
    """What may stand wrongly in the place of a node."""
    yield from _faults_of_statement(node)
    yield from _faults_of_expression(node)


def _faults_of_statement(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If(test=test, orelse=orelse):
            if not orelse:
                yield ast.Pass()
            if not isinstance(test, ast.Compare | ast.BoolOp | ast.UnaryOp):
                yield _with(node, test=ast.UnaryOp(ast.Not(), test))
        case ast.For():
            yield _with(node, iter=ast.Tuple([], ast.Load()))
        case ast.Return(value=ast.expr() as value):
            # callers take None, False, zero and an empty text for the same
            if not (isinstance(value, ast.Constant) and not value.value):
                yield ast.Return(ast.Constant(None))
        case ast.Raise() | ast.Continue() | ast.Delete() | ast.AugAssign() | ast.Expr(ast.Call() | ast.Await()):
            yield ast.Pass()
        case ast.ExceptHandler(type=ast.Tuple(elts=types)):
            yield from (_with(node, type=ast.Tuple(kept, ast.Load())) for kept in _without_one(types))


def _faults_of_expression(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.comprehension(ifs=conditions):
            yield from (_with(node, ifs=kept) for kept in _without_one(conditions))
        case ast.Compare(ops=[operator]):
            yield from (_with(node, ops=[other()]) for other in OPERATORS[type(operator)])
        case ast.BoolOp(op=operator, values=values):
            yield from (_with(node, op=other()) for other in OPERATORS[type(operator)])
            yield from (kept[0] if len(kept) == 1 else _with(node, values=kept) for kept in _without_one(values))
        case ast.BinOp(op=operator) if type(operator) in OPERATORS:
            yield from (_with(node, op=other()) for other in OPERATORS[type(operator)])
            yield node.left
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.IfExp():
            yield from (node.body, node.orelse)
        case ast.Set(elts=[_, _, *_] as elements):
            yield from (_with(node, elts=kept) for kept in _without_one(elements))
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str(value)) if " " not in value:  # others are words for people
            yield ast.Constant(value + "x")
        case ast.Call():
            yield from _faults_of_call(node)


def _faults_of_call(node: ast.Call) -> Iterator[ast.Call]:
    name = node.func.id if isinstance(node.func, ast.Name) else ""
    if name in FUNCTIONS:
        kept = [] if name == "sorted" else node.keywords
        yield ast.Call(ast.Name(FUNCTIONS[name], ast.Load()), node.args, kept)
    starred = any(isinstance(each, ast.Starred) for each in node.args)
    if len(node.args) > 1 and not starred and name not in {"min", "max"}:
        yield _with(node, args=[node.args[1], node.args[0], *node.args[2:]])
    for keyword, kept in zip(node.keywords, _without_one(node.keywords), strict=True):
        if keyword.arg is not None:
            yield _with(node, keywords=kept)


def _without_one(nodes: list[Any]) -> Iterator[list[Any]]:
    return (nodes[:index] + nodes[index + 1 :] for index in range(len(nodes)))


def _with(node: Any, **fields: Any) -> Any:
    """The same node with some fields changed."""
    return type(node)(**{**dict(ast.iter_fields(node)), **fields})
