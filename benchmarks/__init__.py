"""Benchmarks: `make bench` runs all parts, `make bench ARGS="lateness"` one of them.

A part is a module listed in `__main__.PARTS` with one function:

    def measure(*, quick: bool) -> list[Row]

Its sizes (counts, durations) are constants at the top of the module; `quick` selects small ones. It starts
and stops everything it needs, and creates its rows with the helpers of `report`:

    at_least("throughput over the blocking task", 231, "x", goal=200, note="2,000 at 10 s, 2 workers")
    at_most("lateness, 95th", 0.31, "s", goal=0.5)
    exactly("submits", 1.0, "per try-on", goal=1)       # also judged with --quick
    info("our rate", 38.2, "/s")                          # without a goal
    skipped("many machines", "Redis does not listen on 127.0.0.1:6379")

`deployment.Deployment` is a running installation: a database of its own, the sandbox gateway, gunicorn and
qclusters, each in its own process. Goals are ratios within one run on one machine, or times that every
machine should meet; an absolute rate has no goal. Results are saved in `results/` and compared with the
previous run.
"""
