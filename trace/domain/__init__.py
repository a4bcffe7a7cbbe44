"""What is true about food and drug traceability, with no framework: standard library and identifier libraries only."""
