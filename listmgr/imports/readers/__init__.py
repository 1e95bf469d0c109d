"""Read rows from CSV, XLSX and ZIP files."""
