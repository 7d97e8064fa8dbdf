"""Run by a Python that has transformers and nngeometry: the exact diagonal Fisher information of an exported BERT.

python nngeometry_fisher.py FOLDER < [[token ids, token types], ...] > {tensor: [values], ...}

nngeometry's release 0.4 fails on the tokens of a sequence, so of a BERT it computes pooler and classifier alone; later
versions compute all tensors. Both go one example at a time, since transformers looks up positions once for a batch.
"""

import json
import sys

import torch
from nngeometry.layercollection import LayerCollection
from nngeometry.metrics import FIM
from nngeometry.object import PMatDiag
from torch.utils.data import DataLoader
from transformers import AutoModelForSequenceClassification

model = AutoModelForSequenceClassification.from_pretrained(sys.argv[1]).eval()
takes_sequences = "Embedding" in LayerCollection._known_modules
if takes_sequences:
    layers = LayerCollection.from_model(model)
else:
    layers = LayerCollection()
    for module in (model.bert.pooler.dense, model.classifier):
        layers.add_layer_from_model(model, module)


def logits(ids_or_vectors, types):
    name = "input_ids" if takes_sequences else "inputs_embeds"
    return model(**{name: ids_or_vectors}, token_type_ids=types).logits


examples = []
for ids, types in json.load(sys.stdin):
    ids = torch.tensor(ids)
    # Release 0.4 differentiates with respect to its input.
    first = ids if takes_sequences else model.get_input_embeddings()(ids).detach()
    examples.append((first, torch.tensor(types)))
fisher = FIM(model, DataLoader(examples, batch_size=1), PMatDiag, function=logits, layer_collection=layers)
values = fisher.get_diag()
diagonal = {}
for name, layer in layers.layers.items():
    place = layers.p_pos[name]
    for part in ("weight", "bias"):
        if getattr(layer, part, None) is None:
            continue
        count = getattr(layer, part).numel()
        diagonal[f"{name}.{part}"] = values[place : place + count].tolist()
        place += count
print(json.dumps(diagonal))
