"""A depth-first search through every state that can be reached with a given number of faults.

An action is undone by rolling back its savepoint. A state that was reached before with at least as many
faults left is not searched again. A violation is reported with the shortest found path that still causes it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django_vton.models.states import TERMINAL

from ..intake_helpers import rolled_back
from .simulation_actions import possible_actions
from .simulation_database import DatabaseView
from .simulation_invariants import check_change, check_state

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .simulation import Clock, Simulation
    from .simulation_actions import Action, SearchOptions

NEVER_ENDS = "it never ends"


class Violation(AssertionError):  # noqa: N818 - it says what happened
    """An invariant does not hold: which, and after which actions."""

    def __init__(self, rule: str, path: Iterable[str]) -> None:
        self.rule, self.path = rule, list(path)
        super().__init__("\n  ".join([rule, *self.path]))


@dataclass
class Search:
    """One search. States are known by their fingerprints."""

    clock: Clock
    options: SearchOptions
    seen: dict[Any, int] = field(default_factory=dict)
    """Each state, with the faults that were left when it was searched."""
    edges: dict[Any, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    """The next state by the action's name, for each state."""
    free_sources: dict[Any, set[Any]] = field(default_factory=lambda: defaultdict(set))
    """For each state, those from which it is reached without a fault."""
    ended: set[Any] = field(default_factory=set)
    paths: dict[Any, list[str]] = field(default_factory=dict)
    violations: dict[str, Violation] = field(default_factory=dict)
    """The shortest path to each violated rule; the search does not go on after a violation."""
    steps: int = 0

    def run(self, simulation: Simulation, faults: int) -> None:
        """Search everything, and raise all violations with shortened paths."""
        view = DatabaseView()
        check_state(simulation, view)
        self._search(simulation, view, view.fingerprint(simulation), faults, [])
        if not self.violations:
            self._check_everything_ends()
        if self.violations:
            shortened = [str(self._shorten(simulation, found)) for found in self.violations.values()]
            raise AssertionError("\n".join(shortened))

    def _search(
        self, simulation: Simulation, view: DatabaseView, state: Any, faults: int, path: list[str]
    ) -> None:
        known = self.edges[state]
        self.seen[state] = faults
        self.paths.setdefault(state, list(path))
        if all(row.state in TERMINAL for row in view.rows):
            self.ended.add(state)
        for action in possible_actions(simulation, view, self.options):
            left = faults - action.cost
            if left < 0 or (action.name in known and self.seen[known[action.name]] >= left):
                continue
            with rolled_back():
                try:
                    next_simulation, next_view = self._run_action(simulation, view, action, path)
                except Violation as violation:
                    self._note(violation)
                    continue
                next_state = next_view.fingerprint(next_simulation)
                known[action.name] = next_state
                if not action.cost:
                    self.free_sources[next_state].add(state)
                if self.seen.get(next_state, -1) < left:
                    self._search(next_simulation, next_view, next_state, left, [*path, action.name])

    def _run_action(
        self, simulation: Simulation, view: DatabaseView, action: Action, path: Iterable[str]
    ) -> tuple[Simulation, DatabaseView]:
        """Run one action, then check the invariants."""
        self.steps += 1
        random.seed(0)  # So that the jitter of delays is the same each time.
        self.clock.now[0] = simulation.now
        try:
            after = action.run()
            view_after = DatabaseView()
            self.clock.now[0] = after.now
            check_state(after, view_after)
            check_change(view, view_after)
        except Exception as error:
            rule = str(error).split("\n", 1)[0] or type(error).__name__
            if not isinstance(error, AssertionError):
                rule = f"{type(error).__name__}: {rule}"
            raise Violation(rule, [*path, action.name]) from error
        return after, view_after

    def _note(self, found: Violation) -> None:
        known = self.violations.setdefault(found.rule, found)
        if len(found.path) < len(known.path):
            self.violations[found.rule] = found

    def _check_everything_ends(self) -> None:
        """From every state, time and a healthy worker alone lead to an end."""
        reached, todo = set(self.ended), list(self.ended)
        while todo:
            for state in self.free_sources[todo.pop()] - reached:
                reached.add(state)
                todo.append(state)
        for state in self.seen.keys() - reached:
            self._note(Violation(NEVER_ENDS, self.paths[state]))

    def depth(self) -> int:
        """The length of the longest of all shortest paths from the start."""
        frontier, reached, depth = [next(iter(self.seen))], {next(iter(self.seen))}, 0
        while frontier:
            found = {after for state in frontier for after in self.edges[state].values()} - reached
            reached |= found
            frontier = list(found)
            depth += bool(frontier)
        return depth

    def _shorten(self, simulation: Simulation, found: Violation) -> Violation:
        """Leave out one action after another while the same rule is still violated."""
        if found.rule == NEVER_ENDS:
            return found
        best, index = found, 0
        while index < len(best.path) - 1:
            again = self._replay(simulation, best.path[:index] + best.path[index + 1 :])
            if again is not None and again.rule == best.rule:
                best, index = again, 0
            else:
                index += 1
        return best

    def _replay(self, simulation: Simulation, path: list[str]) -> Violation | None:
        """Run the actions of a path again, without those that are not possible."""
        with rolled_back():
            view = DatabaseView()
            done: list[str] = []
            for name in path:
                possible = possible_actions(simulation, view, self.options)
                action = next((action for action in possible if action.name == name), None)
                if action is None:
                    continue
                try:
                    simulation, view = self._run_action(simulation, view, action, done)
                except Violation as found:
                    return found
                done.append(name)
        return None
