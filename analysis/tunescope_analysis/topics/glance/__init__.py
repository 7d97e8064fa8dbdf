"""What do the runs say in ten seconds?"""
