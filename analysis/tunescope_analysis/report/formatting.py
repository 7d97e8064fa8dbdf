"""Numbers as text, the same way everywhere in a report."""

import math

MISSING = "–"
MINUS = "−"


def percent(score: object) -> str:
    """A fraction as GLUE tables print it: × 100, one decimal."""
    return fixed(100 * _number(score), 1)


def points(difference: object) -> str:
    """A difference of two scores × 100, two decimals, always with its sign."""
    return signed(100 * _number(difference), 2)


def spread(deviation: object) -> str:
    """A standard deviation of scores × 100, two decimals."""
    return fixed(100 * _number(deviation))


def signed(value: object, decimals: int = 2) -> str:
    """A number with its sign and a true minus."""
    number = _number(value)
    if not math.isfinite(number):
        return MISSING
    text = f"{abs(number):.{decimals}f}"
    return text if float(text) == 0 else f"{MINUS if number < 0 else '+'}{text}"


def fixed(value: object, decimals: int = 2) -> str:
    """A number with a true minus."""
    number = _number(value)
    return f"{number:.{decimals}f}".replace("-", MINUS) if math.isfinite(number) else MISSING


def probability(value: object) -> str:
    """A p value: three decimals, with a floor."""
    number = _number(value)
    if not math.isfinite(number):
        return MISSING
    return "< 0.001" if number < 0.0005 else f"{number:.3f}"


def p_is(value: object) -> str:
    """`p = 0.012`, `p < 0.001`."""
    text = probability(value)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def count(value: object) -> str:
    """A whole number with thousands apart."""
    number = _number(value)
    return f"{number:,.0f}" if math.isfinite(number) else MISSING


def scientific(value: object) -> str:
    """Three digits and a power of ten."""
    number = _number(value)
    return f"{number:.2e}".replace("-", MINUS) if math.isfinite(number) else MISSING


def general(value: object) -> str:
    """Few digits, as short as can be: learning rates and settings."""
    number = _number(value)
    return f"{number:g}" if math.isfinite(number) else MISSING


def digits(value: object) -> str:
    """A number above zero, three significant digits without a power of ten: ratios."""
    number = _number(value)
    if not math.isfinite(number):
        return MISSING
    return fixed(number, max(0, 2 - math.floor(math.log10(number))))


def share(value: object) -> str:
    """A fraction in per cent, three significant digits."""
    number = _number(value)
    return f"{100 * number:.3g} %" if math.isfinite(number) else MISSING


def plural(number: int, word: str) -> str:
    """`1 seed`, `2 seeds`."""
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def join_words(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def _number(value: object) -> float:
    return float(value)  # type: ignore[arg-type]
