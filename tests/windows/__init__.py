"""The package in processes that look like Windows as far as Python code can see."""
