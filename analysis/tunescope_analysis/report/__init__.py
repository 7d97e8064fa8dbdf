"""What a report is made of, and the files that it is written to."""
