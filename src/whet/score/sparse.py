"""Matrices that are mostly 0, as a linear model asks them, by numpy alone: what it answers with loads no scipy.

Sizes in comments: B rows, F columns, K columns of weights, N numbers that are not 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from whet.records import Floats, Ints


@dataclass(frozen=True, slots=True)
class Sparse:
    """Numbers in the order of their rows and, within a row, of their columns; none stands twice."""

    rows: Ints  # [N]
    columns: Ints  # [N]
    data: Floats  # [N]
    shape: tuple[int, int]  # B, F

    def __matmul__(self, weights: Floats) -> Floats:
        """[B, K] of weights [F, K]. Each row is added up in the order of its columns, whatever stands beside it."""
        return np.column_stack([self.with_data(self.data * each[self.columns]).sums() for each in weights.T])

    def with_data(self, data: Floats) -> Sparse:
        """Other numbers [N] in the same places."""
        return Sparse(self.rows, self.columns, data, self.shape)

    def sums(self) -> Floats:
        """Of each row [B]."""
        found: Floats = np.bincount(self.rows, self.data, self.shape[0]).astype(np.float64, copy=False)
        return found

    def places(self) -> Ints:
        """Where the numbers are, counted through all rows [N]."""
        return self.rows * self.shape[1] + self.columns


def at(places: Ints, data: Floats, shape: tuple[int, int]) -> Sparse:
    """The matrix with these numbers at these places, which are sorted."""
    rows, columns = np.divmod(places, shape[1])
    return Sparse(rows, columns, data, shape)


def of_dense(numbers: Floats) -> Sparse:
    """What of a matrix [B, F] is not 0."""
    rows, columns = np.nonzero(numbers)
    return Sparse(rows, columns, numbers[rows, columns], numbers.shape)


def product(first: Sparse, second: Sparse) -> Sparse:
    """Of each two numbers in the same place."""
    places, mine, other = np.intersect1d(first.places(), second.places(), assume_unique=True, return_indices=True)
    return at(places, first.data[mine] * second.data[other], first.shape)


def distance(first: Sparse, second: Sparse) -> Sparse:
    """How far each two numbers in the same place are from each other."""
    places, which = np.unique(np.concatenate([first.places(), second.places()]), return_inverse=True)
    found = np.abs(np.bincount(which, np.concatenate([first.data, -second.data]), len(places)))
    return at(places[found > 0], found[found > 0], first.shape)


def beside(blocks: Sequence[Sparse]) -> Sparse:
    """The matrices next to each other, as one of the same rows."""
    starts = np.cumsum([0, *(each.shape[1] for each in blocks)])
    rows = np.concatenate([each.rows for each in blocks])
    columns = np.concatenate([each.columns + start for each, start in zip(blocks, starts[:-1], strict=True)])
    order = np.argsort(rows, kind="stable")
    data = np.concatenate([each.data for each in blocks])
    return Sparse(rows[order], columns[order], data[order], (blocks[0].shape[0], int(starts[-1])))
