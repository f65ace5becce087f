"""Formulas over series: `A / B * 100`, where A is the first series."""

from __future__ import annotations

import ast
from collections.abc import Callable

from trackway.analyze.language.period import BadQuestion

Numbers = dict[str, float | None]
_OPERATORS: dict[type[ast.operator], Callable[[float, float], float | None]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b if b else None,
}


def compiled(text: str, names: set[str]) -> Callable[[Numbers], float | None]:
    """Compile a formula to a function of numbers by name. A division by zero, and every operation on None, gives None.

    Raises:
        BadQuestion: the formula contains more than + - * / ( ), numbers and names.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise BadQuestion("formulas", f"{text!r} cannot be read; write for example A / B * 100") from error
    if len(text) > 500:
        raise BadQuestion("formulas", "is longer than 500 characters")
    return _function(tree, text, names)


def _function(node: ast.expr, text: str, names: set[str]) -> Callable[[Numbers], float | None]:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return lambda _: float(number)
        case ast.Name(id=name) if name in names:
            return lambda numbers: numbers[name]
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            of = _function(inner, text, names)
            return lambda numbers: None if (value := of(numbers)) is None else -value
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            first, second = _function(left, text, names), _function(right, text, names)
            how = _OPERATORS[type(operator)]

            def both(numbers: Numbers) -> float | None:
                a, b = first(numbers), second(numbers)
                return None if a is None or b is None else how(a, b)

            return both
        case ast.Name(id=name):
            raise BadQuestion("formulas", f"{text!r}: there is no series {name}; there are {', '.join(sorted(names))}")
    raise BadQuestion("formulas", f"{text!r}: use + - * / ( ), numbers and the letters of series")
