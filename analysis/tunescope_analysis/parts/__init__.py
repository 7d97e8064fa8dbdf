"""The parts of a report, one module each: from the open file to paragraphs, tables and figures."""
