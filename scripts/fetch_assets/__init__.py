"""Brings the GLUE tasks and Hugging Face models into the folders that the job files name."""
