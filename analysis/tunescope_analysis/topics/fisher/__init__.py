"""Where is the Fisher information?"""
