"""Times Tunescope beside its peers, and one build of it beside another."""
