"""What do the runs say on each claim?"""
