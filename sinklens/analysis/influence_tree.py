"""Where a token looks, where those tokens look, and so on: the strongest keys of a map as a tree.

The children of a token are the strongest keys of its own row: always keys that it sees, and never tokens on
the way from the root, so that no branch runs in circles. A tree grows where it is asked to; depth, branching
and the number of nodes are limits of their own. What a chain of weights means is limited: attention mixes
what earlier layers have mixed already (see `rollout`), so a path is a reading aid.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

N_NODES_MAX = 200

Branch = tuple[int, ...]
"""Positions from the root to a token, both included."""


@dataclass(frozen=True)
class Node:
    """One token at one place of a tree."""

    path: Branch
    weight: float
    """What the parent's row gives to this token, 0..1; 1 for the root."""
    product: float
    """Product of the weights on the path, 0..1."""

    @property
    def token(self) -> int:
        return self.path[-1]

    @property
    def depth(self) -> int:
        """Steps from the root."""
        return len(self.path) - 1


@dataclass(frozen=True, eq=False)
class InfluenceTree:
    """A tree as far as it has grown."""

    weights: np.ndarray
    """(T, T) the map, 0 or NaN where a query cannot see."""
    depth: int
    """Most steps from the root."""
    branching: int
    """Most children of a node."""
    left_out: frozenset[int]
    """Keys that are nobody's children."""
    n_nodes_max: int
    nodes: tuple[Node, ...]
    """In the order in which they grew; the root first."""
    grown: frozenset[Branch]
    """Nodes whose children are in the tree, as far as there was room."""
    n_cut: int = 0
    """Children for which there was no room."""

    def children(self, path: Branch) -> tuple[Node, ...]:
        """The children that have grown, the strongest first."""
        return tuple(node for node in self.nodes if len(node.path) > 1 and node.path[:-1] == path)

    def may_grow(self, path: Branch) -> bool:
        """Could this node of the tree have children under its limits, grown or not?"""
        return len(path) <= self.depth and len(self._keys(path)) > 0

    def n_missing(self, path: Branch) -> int:
        """Children of a grown node for which there was no room."""
        return len(self._keys(path)) - len(self.children(path)) if path in self.grown else 0

    def grow(self, path: Branch) -> InfluenceTree:
        """The tree with the children of one of its nodes; the same tree where they are there already."""
        parent = next((node for node in self.nodes if node.path == path), None)
        if parent is None or path in self.grown or not self.may_grow(path):
            return self
        keys = self._keys(path)
        room = max(0, self.n_nodes_max - len(self.nodes))
        children = tuple(_child(parent, int(key), self.weights) for key in keys[:room])
        return replace(
            self,
            nodes=self.nodes + children,
            grown=self.grown | {path},
            n_cut=self.n_cut + len(keys) - len(children),
        )

    def grow_levels(self, n_levels: int) -> InfluenceTree:
        """The tree grown breadth first until nodes stand n_levels steps from the root."""
        tree, place = self, 0
        while place < len(tree.nodes):
            node = tree.nodes[place]
            if node.depth < n_levels:
                tree = tree.grow(node.path)
            place += 1
        return tree

    def _keys(self, path: Branch) -> np.ndarray:
        return strongest_keys(self.weights[path[-1]], self.branching, self.left_out | set(path))


def influence_tree(
    weights: np.ndarray,
    root: int,
    *,
    depth: int,
    branching: int,
    left_out: frozenset[int] = frozenset(),
    n_nodes_max: int = N_NODES_MAX,
) -> InfluenceTree:
    """A tree that is only its root yet; `grow` and `grow_levels` give it children.

    Parameters
    ----------
    weights : array of shape (T, T)
        0 or NaN where a query cannot see.
    root : position; may be one of `left_out`
    """
    node = Node((root,), 1.0, 1.0)
    return InfluenceTree(weights, depth, branching, left_out, n_nodes_max, (node,), frozenset())


def strongest_keys(row: np.ndarray, n: int, left_out: set[int] | frozenset[int]) -> np.ndarray:
    """Positions of the n largest weights above 0, the largest first and equals by position.

    Parameters
    ----------
    row : array of shape (K,), 0 or NaN where the query cannot see
    left_out : positions that do not count
    """
    kept = np.nan_to_num(np.array(row, np.float64))
    kept[sorted(left_out)] = 0.0
    order = np.argsort(-kept, kind="stable")[:n]
    return order[kept[order] > 0]


def _child(parent: Node, key: int, weights: np.ndarray) -> Node:
    weight = float(weights[parent.token, key])
    return Node((*parent.path, key), weight, parent.product * weight)
