"""Channels: tells browsers that something changed. They read what over REST."""
