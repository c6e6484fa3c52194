"""Makes mutants: copies of a module with one small fault each, which some test has to notice.

A mutant's name has no line number in it, so it stays the same while the code around it moves.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Mutant:
    """One fault: in the module's tree, `replacement` belongs at `holder.field`, or at `holder.field[index]`."""

    name: str
    module: str
    tree: ast.Module
    holder: ast.AST
    field: str
    index: int | None
    replacement: ast.AST

    def code(self) -> CodeType:
        """The module with the fault. The fault stays in the tree: of one `mutants_of`, ask one mutant only."""
        if self.index is None:
            setattr(self.holder, self.field, self.replacement)
        else:
            getattr(self.holder, self.field)[self.index] = self.replacement
        return compile(self.tree, str(source_of(self.module)), "exec")


def source_of(module: str) -> Path:
    """The file of a module."""
    return ROOT / (module.replace(".", "/") + ".py")


def mutants_of(module: str, source: str | None = None) -> list[Mutant]:
    """Every mutant of a module, or of the given source, from top to bottom."""
    tree = ast.parse(source_of(module).read_text() if source is None else source)
    named: Counter[str] = Counter()
    found = []
    for holder, field, index, node, within in _parts(tree, ""):
        for replacement in (*_faults_of_statement(node), *_faults_of_expression(node)):
            ast.fix_missing_locations(ast.copy_location(replacement, node))
            name = f"{module}:{within or 'module'}: {_shown(node)} → {_shown(replacement)}"
            named[name] += 1
            if named[name] > 1:
                name += f" #{named[name]}"
            found.append(Mutant(name, module, tree, holder, field, index, replacement))
    return found


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:60]}…{text[-28:]}"


def _parts(holder: ast.AST, within: str) -> Iterator[tuple[ast.AST, str, int | None, ast.AST, str]]:
    """Every part of a tree that is code: where it hangs, the part, and the function or class around it."""
    for field, value in ast.iter_fields(holder):
        if field in NOT_CODE or (isinstance(holder, ast.ClassDef) and field == "keywords"):
            continue
        for index, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(node, ast.AST) or _is_no_code(holder, node):
                continue
            yield holder, field, index, node, within
            inner = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            yield from _parts(node, f"{within}.{node.name}".lstrip(".") if inner else within)


def _is_no_code(holder: ast.AST, node: ast.AST) -> bool:
    """Whether it is an import, a name for types, a docstring, or the words in an f-string."""
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Call(func=ast.Name(id="TypeVar")):
            return True
        case ast.Constant():
            return isinstance(holder, ast.Expr | ast.JoinedStr | ast.FormattedValue)
    return False


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
