"""Reads HdrHistogram interval logs and prints what is in them as JSON, a measure to a file."""

import json
import pathlib
import sys

from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader

HIGHEST_US = 3_600_000_000
QUANTILES_PPM = [500_000, 900_000, 990_000, 999_000]


def quantile(histogram, ppm):
    """The value of the sample of rank ceil(total * quantile); the reader itself rounds the rank."""
    total = histogram.get_total_count()
    rank = max(1, -(-total * ppm // 1_000_000))
    return histogram.get_value_at_percentile(100 * rank / total)


def read(path):
    total = HdrHistogram(1, HIGHEST_US, 3)
    reader = HistogramLogReader(str(path), HdrHistogram(1, HIGHEST_US, 3))
    tags = {}
    while (interval := reader.get_next_interval_histogram()) is not None:
        tag = interval.get_tag()
        tags[tag] = tags.get(tag, 0) + interval.get_total_count()
        total.add(interval)
    return {
        "count": total.get_total_count(),
        "quantiles": [quantile(total, ppm) for ppm in QUANTILES_PPM],
        "max": total.get_max_value(),
        "tags": tags,
    }


paths = [pathlib.Path(argument) for argument in sys.argv[1:]]
print(json.dumps({path.stem: read(path) for path in paths}))
