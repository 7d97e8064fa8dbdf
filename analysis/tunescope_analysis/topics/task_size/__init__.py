"""Do small methods fall behind as tasks grow?"""
