// What the page must say of a window, counted from its data without any of its own script.

// The window in the page's words, in match minutes.
export function minutesOf(seen) {
  const [, from, to] = seen.match(/match minute ([\d.]+) to ([\d.]+)/);
  return { from: Number(from), to: Number(to) };
}

function binsIn(data, { from, to }) {
  const fits = data.levels.filter((level) => (to - from) * 60 <= 240.5 * level.step_s);
  const level = fits.length ? fits.at(-1) : data.levels[0];
  const bins = level.requests.map((_, index) => {
    const start = data.from_min + (index * level.step_s) / 60;
    const end = Math.min(start + level.step_s / 60, data.from_min + level.end_s / 60);
    return { index, middle: (start + end) / 2 };
  });
  return { level, bins: bins.filter(({ middle }) => middle > from && middle < to) };
}

// Viewers, wanted, requests, retries and failures of each bin.
export function rowsIn(data, window) {
  const { level, bins } = binsIn(data, window);
  const columns = ["present", "wanted", "requests", "retries", "failures"];
  return bins.map(({ index }) => columns.map((column) => level[column][index] ?? null));
}

// Figures that need no rounding.
export function figuresIn(data, window) {
  const rows = rowsIn(data, window);
  const sum = (column) => rows.reduce((all, row) => all + row[column], 0).toLocaleString("en-US");
  const most = (column) => Math.max(...rows.map((row) => row[column])).toLocaleString("en-US");
  return {
    peak: `${most(0)} of ${most(1)} wanted`,
    requests: `${sum(2)}, ${sum(3)} of them retries`,
    failures: sum(4),
  };
}
