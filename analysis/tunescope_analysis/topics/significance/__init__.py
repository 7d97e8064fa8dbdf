"""Which methods differ, and which are equivalent?"""
