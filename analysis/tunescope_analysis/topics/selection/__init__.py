"""How much better do the best runs look if they are chosen on the examples that are reported?"""
