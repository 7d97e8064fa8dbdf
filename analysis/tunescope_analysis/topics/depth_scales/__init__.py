"""How large are activations and gradients from layer to layer?"""
