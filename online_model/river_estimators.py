"""River's classifiers by what a profile says of them, such as `forest.ARFClassifier(n_models=10)`.

The text is read as a syntax tree, never run: it may name the classes of ALLOWED, with numbers, strings and further such
calls as arguments, and join steps by `|`. Classes that draw numbers get a seed, so that every process draws the same.
"""

from __future__ import annotations

import ast
import inspect
from importlib import import_module
from typing import Any

from river import base, compose

ALLOWED = frozenset(
    {
        "forest.AMFClassifier", "forest.ARFClassifier",
        "linear_model.ALMAClassifier", "linear_model.LogisticRegression", "linear_model.PAClassifier",
        "linear_model.Perceptron",
        "naive_bayes.GaussianNB",
        "neighbors.KNNClassifier",
        "optim.AdaGrad", "optim.Adam", "optim.AdaDelta", "optim.FTRLProximal", "optim.RMSProp", "optim.SGD",
        "preprocessing.MinMaxScaler", "preprocessing.StandardScaler",
        "tree.ExtremelyFastDecisionTreeClassifier", "tree.HoeffdingAdaptiveTreeClassifier",
        "tree.HoeffdingTreeClassifier", "tree.SGTClassifier",
    }
)  # fmt: skip
SEED = 1
MOST_NESTED = 8
EXAMPLE = "forest.ARFClassifier(n_models=10)"


def estimator(text: str) -> base.Classifier:
    """Returns a new classifier. Raises ValueError with what is wrong of the text, and what would be right."""
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text!r} is no call; expected one such as {EXAMPLE}") from error
    made = _made(tree, MOST_NESTED)
    last = list(made.steps.values())[-1] if isinstance(made, compose.Pipeline) else made
    if not isinstance(last, base.Classifier):
        raise ValueError(f"{text!r} is no classifier; expected one such as {EXAMPLE}")
    return made  # type: ignore[no-any-return]  # a pipeline is a classifier if its last step is one


def _made(node: ast.expr, depth: int) -> Any:
    """Returns what the tree says."""
    if not depth:
        raise ValueError(f"nested more than {MOST_NESTED} times; expected something such as {EXAMPLE}")
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None as value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _made(left, depth - 1) | _made(right, depth - 1)
        case ast.Call(func=ast.Attribute(value=ast.Name(id=module), attr=name), args=args, keywords=keywords):
            return _called(f"{module}.{name}", args, keywords, depth)
    raise ValueError(
        f"{ast.unparse(node)!r} is neither a number, a string nor a call of a class that is known here; expected "
        f"something such as {EXAMPLE}"
    )


def _called(name: str, args: list[ast.expr], keywords: list[ast.keyword], depth: int) -> Any:
    if name not in ALLOWED:
        raise ValueError(f"{name} is not known here; expected one of {', '.join(sorted(ALLOWED))}")
    module, _, attribute = name.partition(".")
    kind = getattr(import_module(f"river.{module}"), attribute)
    try:
        given = {str(one.arg): _made(one.value, depth - 1) for one in keywords}
        if "seed" in inspect.signature(kind).parameters:
            given.setdefault("seed", SEED)
        return kind(*(_made(one, depth - 1) for one in args), **given)
    except (TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"{name} cannot be made so: {error}") from error
