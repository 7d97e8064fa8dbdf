"""Make the golden files of the reader of pytorch_model.bin with torch and safetensors.

Writes beside this script a small state dict in both formats of torch.save (zip.bin, sequence.bin) and a tiny model of
transformers (model.bin), and their tensors as the safetensors package writes them (expected.safetensors for the first
two, model.safetensors).

    python make_torch_files.py
"""

from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor
from transformers import DebertaV2Config, DebertaV2ForSequenceClassification

HERE = Path(__file__).parent


def state_dict() -> OrderedDict[str, Tensor]:
    """Every type of number, and every way in which a tensor can lie in its storage."""
    torch.manual_seed(1)
    whole = torch.randn(6, 5)
    state = OrderedDict(
        whole=whole,
        tied=whole,
        parameter=torch.nn.Parameter(torch.randn(3)),
        transposed=whole.t(),
        rows=whole[2:5],
        columns=whole[:, 1:4],
        every_other=whole[::2, ::2],
        permuted=torch.randn(2, 3, 4).permute(2, 0, 1),
        one_column=whole[:, 3:4],
        repeated=torch.randn(8)[3:4].expand(4),
        scalar=torch.tensor(2.5),
        empty=torch.empty(0, 4),
    )
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        state[str(dtype)] = torch.randn(3, 2).to(dtype).t()
    for dtype in (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool):
        state[str(dtype)] = torch.tensor([[3, 0, 1], [1, 2, 0]]).to(dtype)
    state._metadata = OrderedDict({"": {"version": 1}})
    return state


def write(state: OrderedDict[str, Tensor], name: str) -> None:
    """Write the tensors as safetensors."""
    save_file({key: value.detach().contiguous().clone() for key, value in state.items()}, HERE / name, {"format": "pt"})


def main() -> None:
    """Write all files."""
    state = state_dict()
    torch.save(state, HERE / "zip.bin")
    torch.save(state, HERE / "sequence.bin", _use_new_zipfile_serialization=False)
    write(state, "expected.safetensors")
    config = DebertaV2Config(
        vocab_size=8,
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=4,
        max_position_embeddings=8,
        relative_attention=True,
        position_buckets=4,
        norm_rel_ebd="layer_norm",
        share_att_key=True,
        pos_att_type=["p2c", "c2p"],
        pooler_hidden_size=4,
    )
    model = DebertaV2ForSequenceClassification(config).half()
    torch.save(model.state_dict(), HERE / "model.bin")
    write(model.state_dict(), "model.safetensors")


if __name__ == "__main__":
    main()
