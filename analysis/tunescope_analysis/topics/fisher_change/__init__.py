"""Does what has Fisher information also change?"""
