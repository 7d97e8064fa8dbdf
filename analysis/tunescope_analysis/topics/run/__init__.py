"""What was run?"""
