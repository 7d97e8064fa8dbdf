"""How do several result files compare?"""
