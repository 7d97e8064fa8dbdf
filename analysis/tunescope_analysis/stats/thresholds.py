"""The thresholds that decide a test or a verdict."""

LEVEL = 0.05  # of every test
MARGIN = 0.01  # our choice: one point of a score × 100 is what "comparable" means
NO_SPREAD = 1e-12  # scores nearer than this are equal up to rounding
