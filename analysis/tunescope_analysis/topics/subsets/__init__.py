"""Are subsets chosen by Fisher information better than random ones?"""
