"""What have others measured for the same model?"""
