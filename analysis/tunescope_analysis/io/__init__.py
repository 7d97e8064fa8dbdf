"""Reading a result file: groups as labelled datasets, columns as frames, maps of tensors."""
