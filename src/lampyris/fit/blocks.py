"""Equations with many parameters of single channels, which are eliminated (Schur complement)."""

from typing import NamedTuple

import numpy as np

from lampyris.fit.flash_score import Pull

WEAK = 1e-8
LOST, OPEN = 3e-7, 1e-10
"""Share of the information that single precision loses; and what is taken as known of a combination without more."""


class Score(NamedTuple):
    """Covariance of the gradient that the data give it: of shared parameters, of both, of those of each channel."""

    shared: np.ndarray
    mixed: np.ndarray
    """(channels, shared, own)"""
    own: np.ndarray

    @classmethod
    def none(cls, shared: int, channels: int, own: int) -> "Score":
        """Zero everywhere."""
        return cls(np.zeros((shared, shared)), np.zeros((channels, shared, own)), np.zeros((channels, own, own)))


class Blocks:
    """Sums over runs: gradient of the equations, how it falls with a step, and what it scatters by.

    `shared`, `mixed`, `back` and `own` say how the gradient falls: that of shared parameters with shared ones and with
    those of a channel, that of a channel with shared ones and with its own. `score` is the covariance from the data,
    `groups` are the parts that groups of paths have in the gradient, whose squares add up to the noise of the paths.
    """

    def __init__(self, shared: int, channels: int, own: int):
        self.first = shared
        self.shared_gradient = np.zeros(shared)
        self.own_gradient = np.zeros((channels, own))
        self.shared, self.mixed, self.own = Score.none(shared, channels, own)
        self.back = np.zeros((channels, own, shared))
        self.score = Score.none(shared, channels, own)
        self.groups: list[tuple[np.ndarray, np.ndarray]] = []

    def extended(self, more: int) -> "Blocks":
        """The same with further shared parameters, of which nothing is known yet."""
        whole = Blocks(len(self.shared_gradient) + more, *self.own_gradient.shape)
        whole.first = first = len(self.shared_gradient)
        whole.shared_gradient[:first], whole.own_gradient[:] = self.shared_gradient, self.own_gradient
        whole.shared[:first, :first], whole.mixed[:, :first], whole.own[:] = self.shared, self.mixed, self.own
        whole.back[..., :first] = self.back
        whole.score.shared[:first, :first], whole.score.mixed[:, :first] = self.score[:2]
        whole.score.own[:] = self.score.own
        whole.groups = [(np.pad(shared, ((0, 0), (0, more))), own) for shared, own in self.groups]
        return whole

    def only(self, shared: np.ndarray) -> "Blocks":
        """The equations of a choice of the shared parameters, the others held."""
        part = Blocks(len(shared), *self.own_gradient.shape)
        square = np.ix_(shared, shared)
        part.shared_gradient, part.own_gradient = self.shared_gradient[shared], self.own_gradient
        part.shared, part.mixed, part.own = self.shared[square], self.mixed[:, shared], self.own
        part.back = self.back[..., shared]
        part.score = Score(self.score.shared[square], self.score.mixed[:, shared], self.score.own)
        part.groups = [(moved[:, shared], own) for moved, own in self.groups]
        return part

    def add(self, pull: Pull, columns: np.ndarray, own: np.ndarray) -> None:
        """Add a run; `columns` says which shared parameter each of its derivatives is, `own` which of each channel count."""
        weights, slopes, residual = pull.weights, pull.slopes, pull.residual
        halves, mean = len(weights), weights.mean(axis=0)
        told = pull.scatter @ mean
        place = np.ix_(columns, columns)  # no parameter is in it twice
        self.shared_gradient[columns] += np.einsum("hcis,hci->s", weights, residual) / halves
        self.shared[place] += np.tensordot(weights, slopes, ([0, 1, 2], [0, 1, 2])) / halves
        self.score.shared[place] += np.tensordot(mean, told, ([0, 1], [0, 1]))
        u, c = pull.own_weights[..., own], pull.own[..., own]
        parts = pull.groups.reshape(halves, -1, *pull.groups.shape[1:])
        moved = np.stack([np.tensordot(p, one, ([1, 2], [0, 1])) for p, one in zip(parts, weights, strict=True)])
        of_groups = np.zeros((len(pull.groups), len(self.shared_gradient)))
        of_groups[:, columns] = moved.reshape(len(pull.groups), -1)
        of_channels = np.einsum("hgci,hcio->hgco", parts, u)
        self.groups.append((of_groups, of_channels.reshape(len(pull.groups), *self.own_gradient.shape)))
        if not len(own):
            return
        self.mixed[:, columns] += np.einsum("hcis,hcio->cso", weights, c) / halves
        self.back[..., columns] += np.einsum("hcio,hcis->cos", u, slopes) / halves
        self.own_gradient += np.einsum("hcio,hci->co", u, residual) / halves
        self.own += np.einsum("hcio,hcip->cop", u, c) / halves
        own_mean = u.mean(axis=0)
        self.score.mixed[:, columns] += np.einsum("cis,cio->cso", told, own_mean)
        self.score.own[:] += np.einsum("cio,cip->cop", pull.scatter @ own_mean, own_mean)

    def inform(self, at: np.ndarray, gradient: np.ndarray, information: np.ndarray) -> None:
        """Add a likelihood of shared parameters."""
        self.shared_gradient[at] += gradient
        for matrix in (self.shared, self.score.shared):
            matrix[np.ix_(at, at)] += information

    def inform_of_channels(self, at: np.ndarray, gradient: np.ndarray, own: np.ndarray, mixed: np.ndarray) -> None:
        """Add what the same likelihood says of the first parameter of each channel, (channels,), (channels, shared)."""
        self.own_gradient[:, 0] += gradient
        for matrix in (self.own, self.score.own):
            matrix[:, 0, 0] += own
        for matrix in (self.mixed, self.score.mixed):
            matrix[:, at, 0] += mixed
        self.back[:, 0, at] += mixed

    def prior(self, index: int, away: float, slope: float, rms: float) -> None:
        """Add what is known of a shared parameter: its value is `away` from a mean with the error `rms`."""
        self.inform(np.array([index]), np.array([-slope * away / rms**2]), np.full((1, 1), (slope / rms) ** 2))

    def prior_of_channels(self, index: int, away: np.ndarray, rms: float) -> None:
        """As `prior`, for a parameter of every channel."""
        self.own_gradient[:, index] -= away / rms**2
        for matrix in (self.own, self.score.own):
            matrix[:, index, index] += 1.0 / rms**2


class Step(NamedTuple):
    """Solution of the equations, with covariances; `path_noise` is the part that comes from the paths.

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
    """Eliminate the parameters of the channels and solve for all.

    A gradient g that falls by A per step and scatters by B gives steps A^-1 g with the covariance A^-1 B A^-T.
    """
    size = np.einsum("coo->co", blocks.own)
    regular = blocks.own + (WEAK * np.maximum(size, 1e-12))[..., None] * np.eye(blocks.own.shape[1])
    inverse = np.linalg.inv(regular) if blocks.own.shape[1] else blocks.own
    ratio = blocks.mixed @ inverse
    falls = blocks.shared - np.tensordot(ratio, blocks.back, ([0, 2], [0, 1]))
    follow, unknown = _inverse(falls)
    gradient = blocks.shared_gradient - np.einsum("cso,co->s", ratio, blocks.own_gradient)
    shared = follow @ gradient
    own = np.einsum("cop,cp->co", inverse, blocks.own_gradient - blocks.back @ shared)
    answer = Answer(follow, -np.einsum("st,cto->cso", follow, ratio, optimize=True))
    covariance, alone, noise = answer.spread(*blocks.score), blocks.score.own.copy(), np.zeros_like(follow)
    for of_shared, of_own in blocks.groups:
        moves = of_shared @ answer.shared.T + np.tensordot(of_own, answer.own, ([1, 2], [0, 2]))
        noise += moves.T @ moves
        alone += np.einsum("gco,gcp->cop", of_own, of_own)
    covariance = covariance + noise + unknown
    alone = inverse @ alone @ inverse.transpose(0, 2, 1)
    leaning = -inverse @ blocks.back
    own_covariance = alone + (leaning @ covariance) @ leaning.transpose(0, 2, 1)
    first = blocks.first
    kept = Answer(answer.shared[:first], answer.own[:, :first])
    known = covariance[:first, :first], noise[:first, :first], own_covariance, alone, leaning[..., :first]
    return Step(shared[:first], own, *known, kept, covariance[first:, first:])


def _inverse(falls: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Inverse of a matrix that is nearly symmetric and positive, and a covariance for directions of which it knows nothing.

    Along these the inverse stays small enough that rounding errors of a gradient make no step.
    """
    if not len(falls):
        return falls, falls
    scale = np.sqrt(np.maximum(np.abs(np.diag(falls)), 1e-12))
    scaled = falls / np.outer(scale, scale)
    size, vectors = np.linalg.eigh(0.5 * (scaled + scaled.T))
    lifted = scaled + (vectors * np.maximum(LOST - size, 0.0)) @ vectors.T
    lost = (vectors * (size < LOST)) @ vectors.T / OPEN
    return np.linalg.inv(lifted) / np.outer(scale, scale), lost / np.outer(scale, scale)
