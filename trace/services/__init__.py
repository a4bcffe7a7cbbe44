"""What people do, one file a thing; plain functions: `session` first, then keywords; no HTTP, no commit."""
