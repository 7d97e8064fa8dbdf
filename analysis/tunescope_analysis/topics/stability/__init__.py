"""Does the Fisher ranking depend on how it is computed?"""
