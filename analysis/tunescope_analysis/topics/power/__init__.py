"""Which difference could so many tasks and seeds have shown?"""
