"""Makes mutants: small faults in the decisions, each of which some test has to notice.

A mutant's name has no line number in it, so that it stays the same while code around it moves.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

ROOT = Path(__file__).parent.parent.parent

FLIPPED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
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
}
EXCHANGED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
OPPOSITE = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list"}
NOT_CODE = {"annotation", "returns", "decorator_list", "bases", "type_params"}


@dataclass(frozen=True)
class Mutant:
    """One fault: which part of which module's tree is replaced by what."""

    name: str
    module: str
    line: int
    tree: ast.Module
    holder: ast.AST
    field: str
    index: int | None
    replacement: ast.AST

    def code(self) -> CodeType:
        """The module with the fault in it. It stays in the tree: for a process that runs this mutant alone."""
        if self.index is None:
            setattr(self.holder, self.field, self.replacement)
        else:
            getattr(self.holder, self.field)[self.index] = self.replacement
        return compile(self.tree, str(source_of(self.module)), "exec")


@dataclass(frozen=True)
class _Slot:
    """A place in a tree: what holds it, and inside which function or class it is."""

    holder: ast.AST
    field: str
    index: int | None
    node: ast.AST
    within: str


def source_of(module: str) -> Path:
    """The file of a module."""
    return ROOT / (module.replace(".", "/") + ".py")


def mutants_of(module: str, source: str | None = None) -> list[Mutant]:
    """Every mutant of a module, in order of place."""
    tree = ast.parse(source if source is not None else source_of(module).read_text())
    named: Counter[str] = Counter()
    found = []
    for slot in _slots(tree, ""):
        for replacement in _faults(slot):
            ast.fix_missing_locations(ast.copy_location(replacement, slot.node))
            name = f"{module}:{slot.within or 'module'}: {_shown(slot.node)} → {_shown(replacement)}"
            named[name] += 1
            if named[name] > 1:
                name += f" #{named[name]}"
            line = getattr(slot.node, "lineno", 0)
            found.append(Mutant(name, module, line, tree, slot.holder, slot.field, slot.index, replacement))
    return found


def _shown(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 90 else f"{text[:60]}…{text[-28:]}"


def _slots(node: ast.AST, within: str) -> Iterator[_Slot]:
    """Every part of a tree that is code: no annotations, docstrings, or words of messages."""
    for field, value in ast.iter_fields(node):
        if field in NOT_CODE or (isinstance(node, ast.ClassDef) and field == "keywords"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if not isinstance(child, ast.AST) or _is_text(node, child):
                continue
            yield _Slot(node, field, index, child, within)
            yield from _slots(child, _inside(child, within))


def _inside(node: ast.AST, within: str) -> str:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return f"{within}.{node.name}" if within else node.name
    return within


def _is_text(holder: ast.AST, node: ast.AST) -> bool:
    """A docstring, a literal part of an f-string, an import, or a name for types."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return True
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "TypeVar":
        return True
    return isinstance(node, ast.Constant) and isinstance(holder, ast.Expr | ast.JoinedStr | ast.FormattedValue)


def _faults(slot: _Slot) -> Iterator[ast.AST]:
    node = slot.node
    if isinstance(node, ast.stmt):
        yield from _of_statement(node)
    elif isinstance(node, ast.expr):
        yield from _of_expression(node)
    elif isinstance(node, ast.comprehension):
        for number in range(len(node.ifs)):
            kept = [*node.ifs[:number], *node.ifs[number + 1 :]]
            yield ast.comprehension(node.target, node.iter, kept, node.is_async)
    elif isinstance(node, ast.ExceptHandler) and isinstance(node.type, ast.Tuple):
        for kept_types in _without_one(node.type.elts):
            yield ast.ExceptHandler(ast.Tuple(kept_types, ast.Load()), node.name, node.body)


def _of_statement(node: ast.stmt) -> Iterator[ast.stmt]:
    if isinstance(node, ast.If):
        if not node.orelse:
            yield ast.Pass()
        if not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            yield ast.If(_negated(node.test), node.body, node.orelse)
    elif isinstance(node, ast.For):
        yield ast.For(node.target, ast.Tuple([], ast.Load()), node.body, node.orelse)
    elif isinstance(node, ast.Return) and not _is_nothing(node.value):
        yield ast.Return(ast.Constant(None))
    elif isinstance(node, ast.Continue | ast.Delete | ast.AugAssign | ast.Raise) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)
    ):
        yield ast.Pass()


def _of_expression(node: ast.expr) -> Iterator[ast.expr]:
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        for flipped in FLIPPED[type(node.ops[0])]:
            yield ast.Compare(node.left, [flipped()], node.comparators)
    elif isinstance(node, ast.BoolOp):
        yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        for kept in _without_one(node.values):
            yield kept[0] if len(kept) == 1 else ast.BoolOp(node.op, kept)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand
    elif isinstance(node, ast.BinOp) and type(node.op) in EXCHANGED:
        yield ast.BinOp(node.left, EXCHANGED[type(node.op)](), node.right)
        yield node.left
    elif isinstance(node, ast.IfExp):
        yield node.body
        yield node.orelse
    elif isinstance(node, ast.Set) and len(node.elts) > 1:
        for kept in _without_one(node.elts):
            yield ast.Set(kept)
    elif isinstance(node, ast.Constant):
        yield from _of_constant(node.value)
    elif isinstance(node, ast.Call):
        yield from _of_call(node)


def _of_constant(value: object) -> Iterator[ast.expr]:
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and " " not in value:
        yield ast.Constant(value + "x")


def _of_call(node: ast.Call) -> Iterator[ast.expr]:
    if isinstance(node.func, ast.Name) and node.func.id in OPPOSITE:
        kept = [] if node.func.id == "sorted" else node.keywords
        yield ast.Call(ast.Name(OPPOSITE[node.func.id], ast.Load()), node.args, kept)
    either_way = isinstance(node.func, ast.Name) and node.func.id in {"min", "max"}
    if len(node.args) > 1 and not either_way and not any(isinstance(each, ast.Starred) for each in node.args):
        yield ast.Call(node.func, [node.args[1], node.args[0], *node.args[2:]], node.keywords)
    for number, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield ast.Call(node.func, node.args, [*node.keywords[:number], *node.keywords[number + 1 :]])


def _without_one(nodes: list[ast.expr]) -> Iterator[list[ast.expr]]:
    for number in range(len(nodes)):
        yield [*nodes[:number], *nodes[number + 1 :]]


def _negated(test: ast.expr) -> ast.expr:
    return ast.UnaryOp(ast.Not(), test)


def _is_nothing(value: ast.expr | None) -> bool:
    """None, False, zero or an empty text: callers take them for the same."""
    return value is None or (isinstance(value, ast.Constant) and not value.value)
