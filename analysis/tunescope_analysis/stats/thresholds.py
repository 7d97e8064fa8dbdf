"""The thresholds that decide a test or a verdict."""

LEVEL = 0.05
MARGIN = 0.01  # our choice: one point of a score × 100 is what "comparable" means
NO_SPREAD = 1e-12
