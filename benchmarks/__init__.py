"""How fast it is, and whether it stays so: `make bench` measures all, `make bench ARGS="lateness"` a part.

A part is a module here, named in `__main__.PARTS`, with one function:

    def measure(*, quick: bool) -> list[Row]

It states its own numbers (how many, how long) as constants at its top, takes small ones where `quick`, starts
and ends whatever it needs, and makes its rows with the helpers of `report`:

    at_least("throughput over the blocking task", 231, "x", goal=200, note="2,000 at 10 s, 2 workers")
    at_most("lateness, 95th", 0.31, "s", goal=0.5)
    exactly("submits", 1.0, "per try-on", goal=1)       # judged with --quick as well
    told("our rate", 38.2, "/s")                          # no goal of its own
    left_out("many machines", "Redis does not listen on 127.0.0.1:6379")

`lab.Lab` is an install as it runs: a database of its own, the sandbox gateway, gunicorn and qclusters, each a
process. Goals are ratios within one run on one machine, or times that any machine should hold; a rate by
itself is told and has no goal. Everything is kept in `results/` and compared with the run before.
"""
