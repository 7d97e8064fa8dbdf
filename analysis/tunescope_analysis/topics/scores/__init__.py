"""How well does each method do on each task?"""
