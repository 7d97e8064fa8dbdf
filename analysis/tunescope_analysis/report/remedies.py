"""What to run so that a report can show what its file has no data for."""

RUN_SWEEP = "Run `tunescope sweep JOB`."
RUN_FISHER = "Run `tunescope fisher JOB`, or a sweep with a method such as `fisher:fraction=0.2`."
PRE_NORM = (
    "In this model a block begins with a LayerNorm (pre-LayerNorm, as GPT-2 has it); in BERT it ends with "
    "one. Such a norm feeds its block alone, and the residual stream passes it by, so the effect of one norm "
    "is not the same quantity as in BERT: compare norms with other tensors of this model, not with BERT's. "
    "By definition `layernorm-output` is what comes after a feed-forward network, here `ln_1` of layers 1 "
    "and later and `ln_f`; `layernorm-attention` is `ln_2`; `ln_1` of layer 0 comes after the embeddings. "
    "The maps name them so."
)
