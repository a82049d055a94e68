"""The search: every world that can be reached with so many troubles, each looked at once.

Going back is a savepoint that is rolled back. A world that was reached before, with as many troubles left, is
not searched again. What was found broken is told by the shortest way there that still breaks it.
"""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django_vton.models.states import TERMINAL

from ..people import rolled_back
from .model_moves import moves
from .model_rules import check, step
from .model_view import View

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .model_moves import Cast, Move
    from .model_world import Clock, World


class Broken(AssertionError):  # noqa: N818 - it says what happened
    """A rule is broken: which, and by what way."""

    def __init__(self, rule: str, way: Iterable[str]) -> None:
        self.rule, self.way = rule, list(way)
        super().__init__("\n  ".join([rule, *self.way]))


@dataclass
class Search:
    """One search; `edges` keeps all that was found, for questions about the whole."""

    clock: Clock
    cast: Cast
    seen: dict[Any, int] = field(default_factory=dict)
    edges: dict[Any, dict[str, Any]] = field(default_factory=lambda: defaultdict(dict))
    back: dict[Any, set[Any]] = field(default_factory=lambda: defaultdict(set))
    """From where a world is reached without any trouble."""
    ended: set[Any] = field(default_factory=set)
    ways: dict[Any, list[str]] = field(default_factory=dict)
    broken: dict[str, Broken] = field(default_factory=dict)
    """The shortest way that was found to each broken rule; nothing is searched behind it."""
    steps: int = 0

    def run(self, world: World, troubles: int) -> None:
        """Look at everything; raises what is broken, each with a way that was made short."""
        view = View()
        check(world, view)
        self._from(world, view, view.fingerprint(world), troubles, [])
        if not self.broken:
            self._lives()
        if self.broken:
            raise AssertionError("\n".join(str(self._short(world, found)) for found in self.broken.values()))

    def _from(self, world: World, view: View, here: Any, troubles: int, way: list[str]) -> None:
        known = self.edges[here]
        self.seen[here] = troubles
        self.ways.setdefault(here, list(way))
        if all(row.state in TERMINAL for row in view.rows):
            self.ended.add(here)
        for move in moves(world, view, self.cast):
            left = troubles - move.cost
            if left < 0 or (move.name in known and self.seen[known[move.name]] >= left):
                continue
            with rolled_back():
                try:
                    there, seen = self._go(world, view, move, way)
                except Broken as found:
                    self._note(found)
                    continue
                key = seen.fingerprint(there)
                known[move.name] = key
                if not move.cost:
                    self.back[key].add(here)
                if self.seen.get(key, -1) < left:
                    self._from(there, seen, key, left, [*way, move.name])

    def _go(self, world: World, view: View, move: Move, way: Iterable[str]) -> tuple[World, View]:
        """One move, and the rules after it."""
        self.steps += 1
        random.seed(0)  # The pauses' jitter is the same each time.
        self.clock.now[0] = world.now
        try:
            there = move.make()
            seen = View()
            self.clock.now[0] = there.now
            check(there, seen)
            step(view, seen)
        except Exception as trouble:
            rule = str(trouble).split("\n", 1)[0] or type(trouble).__name__
            if not isinstance(trouble, AssertionError):
                rule = f"{type(trouble).__name__}: {rule}"
            raise Broken(rule, [*way, move.name]) from trouble
        return there, seen

    def _note(self, found: Broken) -> None:
        known = self.broken.setdefault(found.rule, found)
        if len(found.way) < len(known.way):
            self.broken[found.rule] = found

    def _lives(self) -> None:
        """From everywhere, nothing but time and a healthy pump leads to an end."""
        reached, todo = set(self.ended), list(self.ended)
        while todo:
            for here in self.back[todo.pop()] - reached:
                reached.add(here)
                todo.append(here)
        for here in self.seen.keys() - reached:
            self._note(Broken("it never ends", self.ways[here]))

    def depth(self) -> int:
        """The longest of all shortest ways from the start."""
        layer, reached, depth = [next(iter(self.seen))], {next(iter(self.seen))}, 0
        while layer:
            found = {there for here in layer for there in self.edges[here].values()} - reached
            reached |= found
            layer = list(found)
            depth += bool(layer)
        return depth

    # A short way ------------------------------------------------------------------------------------

    def _short(self, world: World, found: Broken) -> Broken:
        """Leave out what is not needed, one move at a time, while the same rule still breaks."""
        if found.rule == "it never ends":
            return found
        best, place = found, 0
        while place < len(best.way) - 1:
            again = self._replay(world, best.way[:place] + best.way[place + 1 :])
            if again is not None and again.rule == best.rule:
                best, place = again, 0
            else:
                place += 1
        return best

    def _replay(self, world: World, way: list[str]) -> Broken | None:
        """Go a way again; moves that are not to be had are left out."""
        with rolled_back():
            view = View()
            gone: list[str] = []
            for name in way:
                move = next((move for move in moves(world, view, self.cast) if move.name == name), None)
                if move is None:
                    continue
                try:
                    world, view = self._go(world, view, move, gone)
                except Broken as found:
                    return found
                gone.append(name)
        return None
