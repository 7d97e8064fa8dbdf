"""One folder per topic: its tables, figures, verdicts, and the section of the report that shows them."""
