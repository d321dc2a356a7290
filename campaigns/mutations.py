"""Small wrong changes to a module's text: what a slip of the hand could have written instead.

The operators are mutmut's, and a few more for what decides here: which rules stand in a table, which half of
a condition counts, whether a statement is there at all. Unlike mutmut itself they also reach the tables at
module level and the properties and cached functions, where half of rotator's rules stand. Left alone is what
decides nothing: annotations, docstrings, imports, log lines and the words of raised errors.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import libcst as cst
import libcst.matchers as m
from mutmut.mutation.mutators import mutation_operators, operator_string

_Operator = Callable[[Any], Iterable[cst.CSTNode]]


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong change. `before` and `after` are the changed lines, in one line and without indentation."""

    module: str
    function: str
    before: str
    after: str
    source: str

    @property
    def key(self) -> str:
        """A name that stays while the changed lines do, wherever they move."""
        text = "\n".join((self.module, self.function, self.before, self.after))
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def mutants(
    module: str, source: str, pick: Callable[[list[Change]], list[Change]] | None = None
) -> list[Mutant]:
    """The mutants of a module's text, in the order of the text, each different from all the others.

    `pick` chooses among the changes before they are written out, which takes most of the time.
    """
    changes = list(_changes(cst.parse_module(source)))
    made = (_mutant(module, source, change) for change in (pick(changes) if pick else changes))
    return list({mutant.source: mutant for mutant in made if mutant.source != source}.values())


@dataclass(frozen=True, slots=True)
class Change:
    """A node of the module and what takes its place, in which top-level statement and in which function."""

    function: str
    statement: cst.CSTNode
    old: cst.CSTNode
    new: cst.CSTNode


def _changes(tree: cst.Module) -> Iterator[Change]:
    for statement in tree.body:
        collector = _Collector()
        statement.visit(collector)
        yield from (Change(function, statement, old, new) for function, old, new in collector.changes)


_EMPTY = cst.Module([])


def _mutant(module: str, source: str, change: Change) -> Mutant:
    written = _EMPTY.code_for_node(change.statement)
    if source.count(written) != 1:
        raise ValueError(f"{module}: a statement stands there twice: {written!r}")
    changed = change.statement.deep_replace(change.old, change.new)
    whole = source.replace(written, _EMPTY.code_for_node(changed))
    before, after = _difference(source.splitlines(), whole.splitlines())
    return Mutant(module, change.function, before, after, whole)


def _difference(old: Sequence[str], new: Sequence[str]) -> tuple[str, str]:
    """The lines in which two texts differ, from the first to the last such line."""
    start = _common(old, new)
    end = min(_common(old[::-1], new[::-1]), min(len(old), len(new)) - start)
    sides = (side[start : len(side) - end] for side in (old, new))
    before, after = (" ".join(" ".join(side).split()) for side in sides)
    return before, after


def _common(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines two texts have in common at their beginning."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(old), len(new)))


# --- operators beyond mutmut's ----------------------------------------------------------------------


def _first_string(node: cst.BaseString) -> Iterable[cst.CSTNode]:
    """One wrong text for each text, not three."""
    yield from list(operator_string(node))[:1]


def _number_below(node: cst.Integer) -> Iterator[cst.CSTNode]:
    """One less than the number; mutmut takes one more."""
    if node.evaluated_value > 0:
        yield node.with_changes(value=repr(node.evaluated_value - 1))


def _without_an_element(node: cst.Tuple | cst.List | cst.Set | cst.Dict) -> Iterator[cst.CSTNode]:
    """A table without one of its rows."""
    if len(node.elements) > 1:
        for at in range(len(node.elements)):
            yield node.with_changes(elements=[*node.elements[:at], *node.elements[at + 1 :]])


def _one_operand(node: cst.BooleanOperation) -> Iterator[cst.CSTNode]:
    """Half of a condition."""
    yield node.left
    yield node.right


def _decided(node: cst.If | cst.While | cst.CompIf) -> Iterator[cst.CSTNode]:
    """A condition that is always or never met. (A loop that never ends is left out.)"""
    for value in ("False",) if isinstance(node, cst.While) else ("True", "False"):
        yield node.with_changes(test=cst.Name(value))


_SWAPPED = {"min": "max", "max": "min", "any": "all", "all": "any"}
_UNWRAPPED = {"sorted", "reversed", "max", "min", "abs"}


def _other_builtin(node: cst.Call) -> Iterator[cst.CSTNode]:
    """`max` for `min`, and one of the arguments without the call."""
    if not isinstance(node.func, cst.Name):
        return
    if node.func.value in _SWAPPED:
        yield node.with_deep_changes(node.func, value=_SWAPPED[node.func.value])
    if node.func.value in _UNWRAPPED:
        yield from (arg.value for arg in node.args if arg.keyword is None)


def _open_slice(node: cst.Slice) -> Iterator[cst.CSTNode]:
    """A slice without one of its ends."""
    for end in ("lower", "upper", "step"):
        if getattr(node, end) is not None:
            yield node.with_changes(**{end: None})


_MEMBERS = {
    "State": ("READY", "IN_PROGRESS", "FAILED", "UNKNOWN"),
    "Step": ("STOP", "WAIT", "CLEAR", "CREATE", "PRUNE"),
    "Outcome": ("ROTATED", "PRUNED", "UNCHANGED", "CAP_REACHED", "FAILED", "BUSY"),
    "Mode": ("CREATE_FIRST", "DELETE_FIRST", "PRUNE"),
    "Kind": ("MANAGED", "FOREIGN", "ORPHAN"),
}


def _other_member(node: cst.Attribute) -> Iterator[cst.CSTNode]:
    """Another member of one of rotator's own enumerations."""
    members = _MEMBERS.get(node.value.value, ()) if isinstance(node.value, cst.Name) else ()
    if node.attr.value in members:
        other = members[(members.index(node.attr.value) + 1) % len(members)]
        yield node.with_changes(attr=cst.Name(other))


def _no_answer(node: cst.Return) -> Iterator[cst.CSTNode]:
    """A function that answers None."""
    if node.value is not None and not m.matches(node.value, m.Name("None")):
        yield node.with_changes(value=cst.Name("None"), whitespace_after_return=cst.SimpleWhitespace(" "))


def _no_statement(node: cst.SimpleStatementLine) -> Iterator[cst.CSTNode]:
    """A call for its effect, a change of a value in place, a jump or a refusal that is not there."""
    if isinstance(node.body[0], cst.Expr | cst.AugAssign | cst.Raise | cst.Continue):
        yield node.with_changes(body=[cst.Pass()])


OPERATORS: tuple[tuple[type[Any] | tuple[type[Any], ...], _Operator], ...] = (
    *((kind, operator) for kind, operator in mutation_operators if operator is not operator_string),
    (cst.BaseString, _first_string),
    (cst.Integer, _number_below),
    ((cst.Tuple, cst.List, cst.Set, cst.Dict), _without_an_element),
    (cst.BooleanOperation, _one_operand),
    ((cst.If, cst.While, cst.CompIf), _decided),
    (cst.Call, _other_builtin),
    (cst.Slice, _open_slice),
    (cst.Attribute, _other_member),
    (cst.Return, _no_answer),
    (cst.SimpleStatementLine, _no_statement),
)
"""Which nodes are changed, and how."""

_DECIDES_NOTHING: tuple[Any, ...] = (
    m.Annotation(),
    m.Decorator(),
    m.Import(),
    m.ImportFrom(),
    m.SimpleStatementLine(body=[m.Expr(m.SimpleString() | m.ConcatenatedString())]),  # docstrings
    m.SimpleStatementLine(body=[m.Expr(m.Call(func=m.Attribute(value=m.Name("log"))))]),
    m.Assign(targets=[m.AssignTarget(m.Name("log") | m.Name("__all__"))]),
    m.Assign(value=m.Subscript(m.Name("Callable") | m.Name("Mapping") | m.Name("tuple"))),  # names of types
    m.Call(func=m.Name("len") | m.Name("isinstance")),  # mutmut leaves their arguments alone, too
)


class _Collector(cst.CSTVisitor):
    """Walks a module and notes each change with the name of the function or class that it lies in."""

    def __init__(self) -> None:
        super().__init__()
        self.changes: list[tuple[str, cst.CSTNode, cst.CSTNode]] = []
        self._names: list[str] = []
        self._raising = 0

    def on_visit(self, node: cst.CSTNode) -> bool:
        if any(m.matches(node, idle) for idle in _DECIDES_NOTHING):
            return False
        if isinstance(node, cst.FunctionDef | cst.ClassDef):
            self._names.append(node.name.value)
        self._raising += isinstance(node, cst.Raise)
        if not (self._raising and not isinstance(node, cst.Raise)):
            self._change(node)
        return True

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if isinstance(original_node, cst.FunctionDef | cst.ClassDef):
            self._names.pop()
        self._raising -= isinstance(original_node, cst.Raise)

    def _change(self, node: cst.CSTNode) -> None:
        where = ".".join(self._names) or "(module)"
        for kind, operator in OPERATORS:
            if isinstance(node, kind):
                self.changes.extend((where, node, changed) for changed in operator(node))
