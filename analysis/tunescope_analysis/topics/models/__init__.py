"""Does the same hold for other architectures?"""
