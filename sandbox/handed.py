"""Tests that hand an expected value to the candidate's own functions, which then decide about their own answer.

`assert same(f(x), [1, 2])` is one where `same` is the candidate's; so is the same over several statements. What
each name of the test holds is followed through its assignments, in order; where ways part, a name holds what any
of them gives it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator

from sandbox.names import BUILTINS, bound_names, class_like, mentions, nodes, root_name, truth

# What a name may hold: something that came out of the candidate, or an object that the test constructed from one
# of its classes. Everything else is the test's own.
RESULT, OBJECT = "result", "object"
_Comprehension = ast.GeneratorExp | ast.ListComp | ast.SetComp | ast.DictComp
_MUTABLE = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.Call)


class _Flow:
    """Walks the statements of a test; `found` is the first name of the candidate's that decides about itself, `asks`
    whether a function that the candidate returned decides about plain data.
    """

    def __init__(self, candidate: frozenset[str]) -> None:
        self.candidate = candidate
        self.held: dict[str, frozenset[str]] = {}
        self.verdicts: dict[str, str] = {}  # names that hold the word of such a function, and the function
        # Names that hold the word of a function that the candidate returned.
        self.questioned: set[str] = set()
        self.changeable: set[str] = set()  # names of containers, which a call may change
        self.imported: set[str] = set()  # from the standard library
        self.found = ""
        self.asks = False

    # Expressions.

    def _from_candidate(self, call: ast.Call) -> str:
        """What a call gives: a result, an object of the candidate's, or nothing of the candidate's."""
        root = root_name(call)
        if root is None:
            return ""
        if root.id in self.candidate:
            return OBJECT if isinstance(call.func, ast.Name) and class_like(root.id) else RESULT
        return RESULT if self.held.get(root.id) else ""

    def holds(self, node: ast.AST) -> frozenset[str]:
        """What an expression may hold, from the calls and the names in it."""
        kinds: set[str] = set()
        for part in nodes(node):
            if isinstance(part, ast.Call):
                kinds.add(self._from_candidate(part))
            elif isinstance(part, ast.Name):
                kinds |= self.held.get(part.id, frozenset())
        return frozenset(kinds - {""})

    def _decides(self, node: ast.expr) -> str:
        """The candidate's function whose word the truth of an expression is, where it was handed the answer."""
        node = _word(node)
        if isinstance(node, ast.BoolOp):
            return next(filter(None, map(self._decides, node.values)), "")
        if isinstance(node, ast.Name):
            return self.verdicts.get(node.id, "")
        if isinstance(node, ast.GeneratorExp | ast.ListComp):
            return self._inside(node)._decides(node.elt)
        root = root_name(node) if isinstance(node, ast.Call) else None
        if not isinstance(node, ast.Call) or root is None or root.id not in self.candidate:
            return ""
        given = [*node.args, *(keyword.value for keyword in node.keywords)]
        results = [value for value in given if RESULT in self.holds(value)]
        own = [value for value in given if not self.holds(value) and not mentions(value, self.candidate)]
        return root.id if results and own else ""

    def _inside(self, node: _Comprehension) -> _Flow:
        """What the names in a comprehension hold."""
        inner = _Flow(self.candidate)
        inner.held, inner.verdicts = dict(self.held), dict(self.verdicts)
        inner.questioned = set(self.questioned)
        for loop in node.generators:
            inner._assign(loop.target, loop.iter, True)
        return inner

    def _asked(self, node: ast.expr) -> bool:
        """Whether the truth of an expression is the word of a function that the candidate has returned, about data of
        the test's own.
        """
        node = _word(node, none=True)
        if isinstance(node, ast.BoolOp):
            return any(map(self._asked, node.values))
        if isinstance(node, ast.Name):
            return node.id in self.questioned
        if isinstance(node, ast.GeneratorExp | ast.ListComp):
            return self._inside(node)._asked(node.elt)
        if not isinstance(node, ast.Call):
            return False
        function, given = node.func, [*node.args, *(keyword.value for keyword in node.keywords)]
        if isinstance(function, ast.Name) and function.id in ("map", "filter") and given:
            function, *given = given
        return self._gives(function) and not all(map(self.holds, given))

    def _chooses(self, node: ast.AST) -> bool:
        """Whether an expression takes one value or another by such a word."""
        if isinstance(node, ast.IfExp):
            return self._asked(node.test)
        if not isinstance(node, _Comprehension):
            return False
        inner = self._inside(node)
        return any(inner._asked(condition) for loop in node.generators for condition in loop.ifs)

    def _gives(self, function: ast.expr) -> bool:
        """Whether a function is what a call gave, or an item of something that holds that."""
        if isinstance(function, ast.Name):
            return RESULT in self.held.get(function.id, ())
        return isinstance(function, ast.Call | ast.Subscript) and RESULT in self.holds(function)

    # Statements.

    def walk(self, body: Iterable[ast.AST], certain: bool) -> None:
        """Go through statements in order; `certain` is whether each of them runs exactly once."""
        for node in body:
            if isinstance(node, ast.stmt):
                self._statement(node, certain)
            elif isinstance(node, ast.ExceptHandler | ast.match_case):
                self.walk(node.body, certain)

    def _statement(self, node: ast.stmt, certain: bool) -> None:
        for part in _own_expressions(node):
            if isinstance(part, ast.NamedExpr):
                self._assign(part.target, part.value, certain)
            self.asks = self.asks or self._chooses(part)
        if isinstance(node, ast.Assert) or (isinstance(node, ast.If) and _raises(node)):
            self._checks(node.test)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                self._assign(target, node.value, certain)
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            self._assign(node.target, node.value, certain)
        elif isinstance(node, ast.AugAssign):
            self._assign(node.target, node.value, False)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            if getattr(node.value.func, "attr", "") in ("assertTrue", "assertFalse") and node.value.args:
                self._checks(node.value.args[0])
            self._changed(node.value)
        elif isinstance(node, ast.Import | ast.ImportFrom) and _of_the_library(node):
            self.imported |= bound_names(node)
        elif isinstance(node, ast.FunctionDef) and certain and not _free(node) - self.imported:
            self.candidate -= {node.name}  # from here on it is the test's own
        elif isinstance(node, ast.For):
            self._assign(node.target, node.iter, True)
        elif isinstance(node, ast.With):
            for item in node.items:
                if item.optional_vars is not None:
                    self._assign(item.optional_vars, item.context_expr, certain)
        for _ in range(2 if isinstance(node, ast.For | ast.While) else 1):
            # A loop twice: what one turn leaves behind, the next one finds.
            self.walk(ast.iter_child_nodes(node), certain and isinstance(node, ast.With))

    def _checks(self, test: ast.expr) -> None:
        """The test fails by the truth of this."""
        self.found = self.found or self._decides(test)
        self.asks = self.asks or self._asked(test)

    def _assign(self, target: ast.expr, value: ast.expr, certain: bool) -> None:
        sides = [side.elts for side in (target, value) if isinstance(side, ast.Tuple | ast.List)]
        if len(sides) == 2 and len(sides[0]) == len(sides[1]):
            for part, given in zip(*sides):
                self._assign(part, given, certain)
            return
        kinds, verdict, asked = self.holds(value), self._decides(value), self._asked(value)
        for name in nodes(target):
            if not isinstance(name, ast.Name):
                continue
            if certain and isinstance(name.ctx, ast.Store):  # an item or attribute leaves the rest as it was
                self.held.pop(name.id, None)
                self.verdicts.pop(name.id, None)
                self.questioned.discard(name.id)
                self.changeable.discard(name.id)
            self.held[name.id] = self.held.get(name.id, frozenset()) | kinds
            if verdict:
                self.verdicts[name.id] = verdict
            if asked:
                self.questioned.add(name.id)
            if isinstance(value, _MUTABLE):
                self.changeable.add(name.id)

    def _changed(self, call: ast.Call) -> None:
        """A call for its effect alone: the containers that it is handed come back as the candidate left them."""
        if not self._from_candidate(call):
            return
        for value in call.args:
            if isinstance(value, ast.Name) and value.id in self.changeable:
                self.held[value.id] = self.held.get(value.id, frozenset()) | {RESULT}


def _raises(node: ast.If) -> bool:
    return any(isinstance(part, ast.Raise) or _asserts_nothing(part) for part in nodes(node))


def _asserts_nothing(node: ast.AST) -> bool:
    return isinstance(node, ast.Assert) and isinstance(node.test, ast.Constant) and not node.test.value


def _word(node: ast.expr, none: bool = False) -> ast.expr:
    """What an expression takes the truth of: `truth`, and also under `bool`, `all` and `any`, and comparisons with a
    constant truth, or a number that a distance may not exceed, on either side.
    """
    while True:
        node = truth(node)
        if isinstance(node, ast.Call) and node.args and _calls(node) in _THROUGH:
            node = node.args[0]
        elif sides := _compared(node):
            words = [side for side in sides if not isinstance(side, ast.Constant)]
            constants = [side.value for side in sides if isinstance(side, ast.Constant)]
            if len(words) != 1 or not (
                constants[0] in (0, 1) or _tolerance(constants[0]) or (none and constants[0] is None)
            ):
                return node
            node = words[0]
        else:
            return node


def _compared(node: ast.expr) -> list[ast.expr]:
    """Both sides of a comparison."""
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        return [node.left, node.comparators[0]]
    close = isinstance(node, ast.Call) and _calls(node) in ("math.isclose", "isclose")
    return node.args[:2] if close and isinstance(node, ast.Call) and len(node.args) > 1 else []


# What takes the truth of a value, or measures it, and says no more than that.
_THROUGH = frozenset({"bool", "all", "any", "int", "abs", "float", "round", "math.fabs", "fabs"})


def _calls(node: ast.Call) -> str:
    return ast.unparse(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else ""


def _tolerance(value: object) -> bool:
    """Whether a constant says how far a distance may be from nothing, or how like two things have to be."""
    return isinstance(value, float) and 0 < value <= 1


def _of_the_library(node: ast.Import | ast.ImportFrom) -> bool:
    names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
    return all(name.split(".")[0] in sys.stdlib_module_names for name in names)


def _free(node: ast.FunctionDef) -> set[str]:
    """The names that a function takes from around it: through them it may still be the candidate's."""
    used = {part.id for part in nodes(node) if isinstance(part, ast.Name)}
    return used - bound_names(node) - BUILTINS


def _own_expressions(node: ast.stmt) -> Iterator[ast.AST]:
    """The expressions of a statement itself, without the statements in it."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield from nodes(child)


def handed_over(tree: ast.Module, candidate: frozenset[str]) -> tuple[str, bool]:
    """The name of the candidate's that decides about its own answer with the expected value in hand, or ""; and whether
    a function that it returned decides about plain data.
    """
    flow = _Flow(candidate)
    flow.walk(tree.body, certain=True)
    return flow.found, flow.asks
