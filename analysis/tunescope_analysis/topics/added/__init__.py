"""How far did the tensors move that a method adds to the model?"""
