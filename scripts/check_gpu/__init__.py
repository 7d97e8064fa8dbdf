"""Proves the program on a machine with one GPU: makes a bundle that carries it there, and checks it in the bundle."""
