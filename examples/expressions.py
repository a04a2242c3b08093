from __future__ import annotations

import ast
import operator
from collections.abc import Callable

LONGEST = 200  # characters
LARGEST = 10**15  # bounds the base of a power: 9**9**9 would keep the processor for days
LARGEST_EXPONENT = 64

Number = int | float

OPERATORS: dict[type[ast.operator], Callable[[Number, Number], Number]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
}


def evaluate(expression: str) -> Number:
    """Calculate with numbers, brackets and `+ - * / % ^`, and nothing else.

    Raises ValueError for anything else, and for what has no or too large a result.
    """
    if len(expression) > LONGEST:
        raise ValueError(f"An expression has at most {LONGEST} characters.")
    try:
        tree = ast.parse(expression.strip().replace("^", "**"), mode="eval")
        return value_of(tree.body)
    except SyntaxError as exc:
        raise ValueError(f"{expression!r} is not an expression.") from exc
    except ZeroDivisionError as exc:
        raise ValueError(f"{expression!r} divides by zero.") from exc
    except OverflowError as exc:
        raise ValueError(f"{expression!r} is too large.") from exc


def value_of(node: ast.expr) -> Number:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -value_of(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            return combined(type(op), value_of(left), value_of(right))
        case _:
            raise ValueError(f"{ast.unparse(node)!r} is not a number or one of + - * / % ^.")


def combined(kind: type[ast.operator], left: Number, right: Number) -> Number:
    if kind is not ast.Pow:
        return OPERATORS[kind](left, right)
    if abs(left) > LARGEST or abs(right) > LARGEST_EXPONENT:
        raise ValueError(f"{left} ^ {right} is too large.")
    if left < 0 and not float(right).is_integer():
        raise ValueError(f"{left} ^ {right} is not a real number.")
    return OPERATORS[kind](left, right)


def shown(number: Number) -> str:
    """Write a number without a needless fraction: 0.1 + 0.2 is 0.3, and 4 / 2 is 2."""
    if isinstance(number, int):
        return str(number)
    return str(int(number)) if number.is_integer() else f"{number:.12g}"
