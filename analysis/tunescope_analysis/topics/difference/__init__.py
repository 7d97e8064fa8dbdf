"""What moved from one result file to another?"""
