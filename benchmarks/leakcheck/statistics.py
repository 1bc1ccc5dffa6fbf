"""The statistics of a leak test: pure functions over times in nanoseconds."""

import math
from collections.abc import Sequence
from statistics import fmean, pvariance

CROPS = 20
SEGMENTS = 200


def welch_t(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Welch's t of two samples; 0 where there is nothing to compare, infinite for two different constants."""
    if len(ours) < 2 or len(theirs) < 2:
        return 0.0
    difference = fmean(ours) - fmean(theirs)
    spread = _variance(ours) / len(ours) + _variance(theirs) / len(theirs)
    if spread == 0.0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / math.sqrt(spread)


def strongest_t(ours: Sequence[int], theirs: Sequence[int]) -> float:
    """The largest |t| over the raw times and 20 crops of their slow end, with dudect's percentiles: what an
    interrupt adds hides what the code does."""
    pooled = sorted([*ours, *theirs])
    limits = {pooled[int(len(pooled) * (1 - 0.5 ** (10 * (crop + 1) / CROPS)))] for crop in range(CROPS)}
    cropped = (
        welch_t([each for each in ours if each < limit], [each for each in theirs if each < limit])
        for limit in limits
    )
    return max(map(abs, (welch_t(ours, theirs), *cropped)))


def segment_t(differences: Sequence[int]) -> float:
    """Student's t of differences within blocks, by the means of the middle halves of 200 segments: drift of
    the machine is the same for both sides of a block."""
    size = max(1, len(differences) // SEGMENTS)
    means = [middle_mean(differences[at : at + size]) for at in range(0, len(differences), size)]
    return welch_t(means, [0.0] * len(means))


def middle_mean(values: Sequence[float]) -> float:
    """The mean of the middle half: how large an effect is, whatever the outliers are."""
    ordered = sorted(values)
    quarter = len(ordered) // 4
    return fmean(ordered[quarter : len(ordered) - quarter])


def _variance(sample: Sequence[float]) -> float:
    return pvariance(sample) * len(sample) / (len(sample) - 1)
