"""The programs behind `./dev`. Nothing here is part of the product."""
