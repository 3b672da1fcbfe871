"""REST version 1: parse, authorise, call one use case, render."""
