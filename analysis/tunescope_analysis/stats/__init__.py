"""Statistics: arrays in, numbers out. Nothing here knows of files, tasks or pages."""
