"""Does what holds for BERT hold for RoBERTa, DeBERTa and GPT-2?"""

from collections.abc import Mapping, Sequence

from tunescope_analysis.report.claims import Claim, Ruling, Verdict, rule_on_claims
from tunescope_analysis.report.formatting import join_words
from tunescope_analysis.topics.models.carried import CARRIED, OTHERS, REFERENCE

FIGURE = "models"


def models_verdict(architectures: Mapping[str, str], verdicts: Mapping[str, Sequence[Verdict]]) -> Verdict:
    """Whether every claim of `CARRIED` that BERT's files support is supported by those of the others too.

    `architectures` and `verdicts` are by file; of several files of an architecture none may contradict a
    claim. One model that contradicts decides against; one that is missing, or undecided, leaves it open.
    """
    held = [
        claim for claim in CARRIED if ruling_of(REFERENCE, claim, architectures, verdicts) == Ruling.SUPPORTED
    ]
    if not held:
        reason = (
            f"No file of {REFERENCE} supports any of: {'; '.join(CARRIED.values())}. So there is nothing to "
            "carry over."
        )
        return Verdict(Claim.MODELS, Ruling.NOT_DECIDABLE, reason, FIGURE)
    words = [_words(name, held, architectures, verdicts) for name in OTHERS]
    rulings = {ruling_of(name, claim, architectures, verdicts) for name in OTHERS for claim in held}
    ruling = next(
        (own for own in (Ruling.NOT_SUPPORTED, Ruling.NOT_DECIDABLE) if own in rulings), Ruling.SUPPORTED
    )
    start = f"Of {REFERENCE} these runs say: {'; '.join(CARRIED[claim] for claim in held)}."
    return Verdict(Claim.MODELS, ruling, " ".join([start, *words]), FIGURE)


def ruling_of(
    architecture: str,
    claim: Claim,
    architectures: Mapping[str, str],
    verdicts: Mapping[str, Sequence[Verdict]],
) -> Ruling:
    """What the files of an architecture say on a claim: a contradiction outweighs a support."""
    own = [name for name, known in architectures.items() if known == architecture]
    rulings = {rule_on_claims(verdicts[name])[claim].ruling for name in own}
    return next(
        (ruling for ruling in (Ruling.NOT_SUPPORTED, Ruling.SUPPORTED) if ruling in rulings),
        Ruling.NOT_DECIDABLE,
    )


def _words(
    architecture: str,
    held: Sequence[Claim],
    architectures: Mapping[str, str],
    verdicts: Mapping[str, Sequence[Verdict]],
) -> str:
    if architecture not in architectures.values():
        return f"There is no file of {architecture}."
    by_ruling: dict[Ruling, list[str]] = {}
    for claim in held:
        by_ruling.setdefault(ruling_of(architecture, claim, architectures, verdicts), []).append(claim.key)
    if len(by_ruling) == 1:
        return f"{architecture}: all {next(iter(by_ruling))}."
    parts = [f"{join_words(keys)} {ruling}" for ruling, keys in by_ruling.items()]
    return f"{architecture}: {'; '.join(parts)}."
