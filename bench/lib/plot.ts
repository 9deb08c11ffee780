/** What something cost at each size. */
export interface Line {
  readonly name: string;
  readonly points: readonly { readonly size: number; readonly value: number }[];
}

/** Lines that grow along the same axis. */
export interface Panel {
  readonly title: string;
  readonly lines: readonly Line[];
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

/**
 * The power of the size that a cost grows with: the slope of the line of least squares through the logarithms of both.
 * 0 is flat, 1 is linear.
 */
export function exponentOf(points: Line['points']): number {
  const xs = points.map(({ size }) => Math.log(size));
  const ys = points.map(({ value }) => Math.log(value));
  const [x0, y0] = [mean(xs), mean(ys)];
  const covariance = xs.reduce((sum, x, i) => sum + (x - x0) * ((ys[i] ?? Number.NaN) - y0), 0);
  return covariance / xs.reduce((sum, x) => sum + (x - x0) ** 2, 0);
}

const WIDTH = 440;
const HEIGHT = 300;
const MARGIN = { left: 48, right: 16, top: 28, bottom: 28 };
const LEGEND_LINE = 16;
const COLUMNS = 2;
/** Told apart by people who do not see all colours, on white (Okabe and Ito's palette). */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'];
const TICKS = [0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 100_000];

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
const label = (x: number, y: number, text: string, rest = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${rest}>${escaped(text)}</text>`;
const short = (size: number): string => (size < 1_000 ? String(size) : `${size / 1_000} k`);

/**
 * Costs as multiples of that at the smallest size, both axes in logarithms: a flat line costs the same, a straight one
 * grows with a power. Each line is named with its exponent.
 */
export function plotsOf(panels: readonly Panel[]): string {
  const rows = Math.ceil(panels.length / COLUMNS);
  const drawn = panels.map((panel, i) => {
    const at = `${(i % COLUMNS) * WIDTH} ${Math.floor(i / COLUMNS) * HEIGHT}`;
    return `<g transform="translate(${at})">\n${panelOf(panel).join('\n')}\n</g>`;
  });
  const [width, height] = [WIDTH * COLUMNS, HEIGHT * rows];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" ` +
      'font-family="sans-serif" font-size="12" fill="#222">',
    '<rect width="100%" height="100%" fill="#fff"/>',
    ...drawn,
    '</svg>',
    '',
  ].join('\n');
}

function panelOf({ title, lines }: Panel): string[] {
  const top = MARGIN.top + lines.length * LEGEND_LINE;
  const shown = lines.map(({ points }) => {
    const first = points[0]?.value ?? Number.NaN;
    return points.map(({ size, value }) => ({ size, times: value / first }));
  });
  const sizes = shown[0]?.map(({ size }) => size) ?? [];
  const all = shown.flatMap((points) => points.map(({ times }) => times));
  const ticks = ticksAround(Math.min(...all), Math.max(...all));
  const x = scale(sizes[0] ?? 1, sizes.at(-1) ?? 1, MARGIN.left, WIDTH - MARGIN.right);
  const y = scale(ticks[0] ?? 1, ticks.at(-1) ?? 1, HEIGHT - MARGIN.bottom, top);
  const rule = (at: number): string => `M${MARGIN.left} ${y(at).toFixed(1)}H${WIDTH - MARGIN.right}`;
  return [
    label(MARGIN.left, 18, title, 'font-weight="bold"'),
    `<path d="${ticks.map(rule).join('')}" stroke="#ddd" fill="none"/>`,
    ...ticks.map((tick) => label(MARGIN.left - 6, y(tick) + 4, `${tick} ×`, 'text-anchor="end"')),
    ...sizes.map((size) => label(x(size), HEIGHT - MARGIN.bottom + 16, short(size), 'text-anchor="middle"')),
    ...lines.flatMap(({ name, points }, i) => {
      const colour = COLOURS[i % COLOURS.length] ?? '';
      const legend = `${name}: exponent ${exponentOf(points).toFixed(2)}`;
      const places = (shown[i] ?? []).map(({ size, times }) => [x(size).toFixed(1), y(times).toFixed(1)]);
      return [
        label(MARGIN.left, MARGIN.top + 8 + i * LEGEND_LINE, legend, `fill="${colour}"`),
        `<polyline points="${places.join(' ')}" stroke="${colour}" stroke-width="2" fill="none"/>`,
        ...places.map(([cx, cy]) => `<circle cx="${cx}" cy="${cy}" r="3" fill="${colour}"/>`),
      ];
    }),
  ];
}

/** The ticks that hold a range, and a decade at least, so that noise does not look like growth. */
function ticksAround(low: number, high: number): number[] {
  const from = TICKS.findLastIndex((tick) => tick <= Math.min(low, 0.5));
  const to = TICKS.findIndex((tick) => tick >= Math.max(high, 5));
  return TICKS.slice(Math.max(0, from), to === -1 ? undefined : to + 1);
}

function scale(from: number, to: number, start: number, end: number): (value: number) => number {
  const [low, high] = [Math.log(from), Math.log(to)];
  return (value) => start + ((Math.log(value) - low) / (high - low || 1)) * (end - start);
}
