// Reads HdrHistogram interval logs and prints what is in them as JSON, a measure to a file.
//   node hlog.mjs FILE.hlog…
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { build, HistogramLogReader } from "hdr-histogram-js";

const HIGHEST_US = 3_600_000_000;
const QUANTILES_PPM = [500_000, 900_000, 990_000, 999_000];

const empty = () =>
  build({
    bitBucketSize: 64,
    lowestDiscernibleValue: 1,
    highestTrackableValue: HIGHEST_US,
    numberOfSignificantValueDigits: 3,
    autoResize: false,
  });

// The value of the sample of rank ceil(total * quantile); the reader itself rounds the rank.
function quantile(histogram, ppm) {
  const total = histogram.totalCount;
  const rank = Math.max(1, Math.ceil((total * ppm) / 1_000_000));
  return histogram.getValueAtPercentile((100 * rank) / total);
}

function read(path) {
  const reader = new HistogramLogReader(readFileSync(path, "utf8"), 64);
  const total = empty();
  const tags = {};
  let lines = 0;
  for (let one = reader.nextIntervalHistogram(); one; one = reader.nextIntervalHistogram()) {
    tags[one.tag] = (tags[one.tag] ?? 0) + one.totalCount;
    total.add(one);
    lines += 1;
  }
  const quantiles = QUANTILES_PPM.map((ppm) => quantile(total, ppm));
  return { count: total.totalCount, lines, quantiles, tags };
}

const files = process.argv.slice(2);
console.log(JSON.stringify(Object.fromEntries(files.map((f) => [basename(f, ".hlog"), read(f)]))));
