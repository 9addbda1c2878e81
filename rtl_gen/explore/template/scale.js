// Axes: from values to pixels, and the values that get a mark.

// A step of 1, 2 or 5 times a power of ten that gives about `count` of them in `span`.
function niceStep(span, count) {
  const power = 10 ** Math.floor(Math.log10(span / count));
  return power * [1, 2, 5, 10].find((factor) => factor * power * count >= span * 0.999);
}

function linearTicks(low, high, count) {
  const step = niceStep(high - low, count);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // A multiple of 0.1 would be 0.30000000000000004.
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

// Powers of ten, with 2 and 5 times them where these are few; below one decade, steps as on a linear axis.
function logTicks(low, high, count) {
  const decades = Math.log10(high / low);
  if (decades < 1) return linearTicks(low, high, count);
  const factors = decades > count / 2 ? [1] : decades > count / 3 ? [1, 3] : [1, 2, 5];
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
    found.push(...factors.map((factor) => Number((factor * 10 ** power).toPrecision(12))));
  }
  return found.filter((value) => value >= low && value <= high);
}

function spread(values, log) {
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (log) {
    const margin = Math.max((high / low) ** 0.05, 1.02);
    return [low / margin, high * margin];
  }
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.05 || 1;
  return [low - margin, high + margin];
}

// Without those that are too close to the one before: linear steps get closer on a logarithmic axis.
function apart(ticks, at, pixels) {
  let before = -Infinity;
  return ticks.filter((value) => {
    const kept = Math.abs(at(value) - before) >= pixels;
    if (kept) before = at(value);
    return kept;
  });
}

// `values` in the pixels from `start` to `end`, with about one mark for each `room` pixels.
function makeScale(values, start, end, room) {
  const log = values.length > 0 && Math.min(...values) > 0 && Math.max(...values) / Math.min(...values) > 4;
  const [low, high] = values.length ? spread(values, log) : [0, 1];
  const forward = log ? Math.log : Number;
  const at = (value) => start + ((end - start) * (forward(value) - forward(low))) / (forward(high) - forward(low));
  const count = Math.max(2, Math.floor(Math.abs(end - start) / room));
  const ticks = (log ? logTicks : linearTicks)(low, high, count);
  return { at, log, ticks: apart(ticks, at, 0.7 * room) };
}
