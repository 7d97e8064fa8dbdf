"""A sweep in the dashboard that a group already has, each trial a run, by that dashboard's own library."""
