"""What flowed between services: taken in from agents' reports, kept in buckets, read as a graph and as series."""
