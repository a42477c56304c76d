"""Who is talked to: one file or folder a system."""
