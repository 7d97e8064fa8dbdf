"""What the paper says of BERT, and the architectures for which it may hold too."""

from tunescope_analysis.report.claims import Claim

REFERENCE = "BERT"
OTHERS = ("RoBERTa", "DeBERTa-v2", "GPT-2")  # those that the claim names; v3 has the network of v2
CARRIED = {  # the claims of the paper that a model can share with BERT, in words
    Claim.CHANGE: "output LayerNorm changes most",
    Claim.FISHER_LARGEST: "LayerNorm has the largest Fisher information",
    Claim.FISHER_DEPTH: "later layers have more of it",
    Claim.EQUIVALENCE: "output LayerNorm alone matches full fine-tuning",
}
