"""What measures the product: `python -m benchmarks [NAME…] [--quick]`; the table goes to docs/benchmarks.md.

One module for each benchmark, with `measure(options)`; the rest is what they share. They run the real programs, from
outside: nothing of the product knows of them.
"""
