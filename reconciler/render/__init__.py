"""Plans, reports and problems as text and JSON."""
