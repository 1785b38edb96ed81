"""Least squares with many parameters of single channels, which are eliminated (Schur complement)."""

from typing import NamedTuple

import numpy as np

from lampyris.fit.flash_score import Pull

WEAK = 1e-8


class Blocks:
    """Sums over runs of products of derivatives: shared with shared, shared with own, own with own."""

    def __init__(self, shared: int, channels: int, own: int):
        self.shared_gradient = np.zeros(shared)
        self.shared = np.zeros((shared, shared))
        self.shared_noise = np.zeros((shared, shared))
        self.mixed = np.zeros((channels, shared, own))
        self.mixed_noise = np.zeros((channels, shared, own))
        self.own_gradient = np.zeros((channels, own))
        self.own = np.zeros((channels, own, own))
        self.own_noise = np.zeros((channels, own, own))

    def extended(self, more: int) -> "Blocks":
        """The same with further shared parameters, of which nothing is known yet and which no noise of paths touches."""
        whole = Blocks(len(self.shared_gradient) + more, *self.own_gradient.shape)
        first = len(self.shared_gradient)
        whole.shared_gradient[:first], whole.shared[:first, :first] = self.shared_gradient, self.shared
        whole.mixed[:, :first] = self.mixed
        whole.own_gradient, whole.own = self.own_gradient.copy(), self.own.copy()
        whole.shared_noise, whole.mixed_noise, whole.own_noise = self.shared_noise, self.mixed_noise, self.own_noise
        return whole

    def add(self, pull: Pull, columns: np.ndarray, own: np.ndarray) -> None:
        """Add a run; `columns` says which shared parameter each of its derivatives is, `own` which of each channel count."""
        j, c, r = pull.shared, pull.own[..., own], pull.residual
        through = pull.noise @ j
        place = np.ix_(columns, columns)  # no parameter is in it twice
        self.shared_gradient[columns] += np.einsum("cis,ci->s", j, r)
        self.shared[place] += np.einsum("cis,cit->st", j, j)
        self.shared_noise[place] += np.einsum("cis,cit->st", j, through)
        if not len(own):
            return
        self.mixed[:, columns] += np.einsum("cis,cio->cso", j, c)
        self.mixed_noise[:, columns] += np.einsum("cis,cio->cso", through, c)
        self.own_gradient += np.einsum("cio,ci->co", c, r)
        self.own += np.einsum("cio,cip->cop", c, c)
        self.own_noise += np.einsum("cio,cij,cjp->cop", c, pull.noise, c)

    def prior(self, index: int, away: float, slope: float, rms: float) -> None:
        """Add what is known of a shared parameter: its value is `away` from a mean with the error `rms`."""
        self.shared_gradient[index] -= slope * away / rms**2
        self.shared[index, index] += (slope / rms) ** 2

    def prior_of_channels(self, index: int, away: np.ndarray, rms: float) -> None:
        """As `prior`, for a parameter of every channel."""
        self.own_gradient[:, index] -= away / rms**2
        self.own[:, index, index] += 1.0 / rms**2


class Step(NamedTuple):
    """Solution of the least squares, with covariances; `path_noise` is the part that comes from the paths.

    Shared parameters of single tracks have been eliminated too; what is known of them is `of_tracks`.
    """

    shared: np.ndarray
    own: np.ndarray
    covariance: np.ndarray
    path_noise: np.ndarray
    own_covariance: np.ndarray
    """(channels, own, own)"""
    alone: np.ndarray
    """(channels, own, own), if the shared parameters were known"""
    leaning: np.ndarray
    """(channels, own, shared): how those of the channels follow the shared ones"""
    answer: "Answer"
    of_tracks: np.ndarray
    """covariance of the parameters of the tracks"""


class Answer(NamedTuple):
    """How the shared parameters follow gradients: `shared` (shared, all shared), `own` (channels, shared, own)."""

    shared: np.ndarray
    own: np.ndarray

    def to(self, shared: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Steps of the shared parameters."""
        return self.shared[:, : len(shared)] @ shared + np.einsum("cso,co->s", self.own, own)

    def spread(self, shared: np.ndarray, mixed: np.ndarray, own: np.ndarray) -> np.ndarray:
        """Covariance of these steps for covariances of the gradients."""
        direct = self.shared[:, : len(shared)]
        crossed = np.tensordot(self.own, mixed, ([0, 2], [0, 2])) @ direct.T
        through = np.einsum("cso,cop->csp", self.own, own)
        return direct @ shared @ direct.T + crossed + crossed.T + np.einsum("cso,cto->st", through, self.own)


def solve(blocks: Blocks) -> Step:
    """Eliminate the parameters of the channels and solve for all."""
    size = np.einsum("coo->co", blocks.own)
    regular = blocks.own + (WEAK * np.maximum(size, 1e-12))[..., None] * np.eye(blocks.own.shape[1])
    inverse = np.linalg.inv(regular) if blocks.own.shape[1] else blocks.own
    ratio = blocks.mixed @ inverse
    information = blocks.shared - np.tensordot(ratio, blocks.mixed, ([0, 2], [0, 2]))
    gradient = blocks.shared_gradient - np.einsum("cso,co->s", ratio, blocks.own_gradient)
    covariance = _inverse(information)
    shared = covariance @ gradient
    own = np.einsum("cop,cp->co", inverse, blocks.own_gradient - np.einsum("cso,s->co", blocks.mixed, shared))
    leaning = -ratio.transpose(0, 2, 1)
    own_covariance = inverse + (leaning @ covariance) @ leaning.transpose(0, 2, 1)
    first = len(blocks.shared_noise)
    answer = Answer(covariance[:first], -np.einsum("st,cto->cso", covariance[:first], ratio, optimize=True))
    noise = answer.spread(blocks.shared_noise, blocks.mixed_noise, blocks.own_noise)
    known = covariance[:first, :first], noise, own_covariance, inverse, leaning[..., :first]
    return Step(shared[:first], own, *known, answer, covariance[first:, first:])


def _inverse(information: np.ndarray) -> np.ndarray:
    """Inverse of a positive matrix; directions that nothing is known of get large but finite variances."""
    if not len(information):
        return information
    scale = np.sqrt(np.maximum(np.diag(information), 1e-12))
    size, vectors = np.linalg.eigh(information / np.outer(scale, scale))
    size = np.maximum(size, 1e-10)
    return (vectors / size) @ vectors.T / np.outer(scale, scale)
