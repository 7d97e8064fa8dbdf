"""Do later layers have more Fisher information?"""
