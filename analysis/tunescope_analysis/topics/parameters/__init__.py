"""How many parameters does a method train for its score?"""
