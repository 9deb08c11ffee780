import { useComputedColorScheme } from '@mantine/core';
import { useEffect, useRef } from 'react';
import UPlot from 'uplot';
import { useFormat } from '../../i18n/context.js';

const HEIGHT = 220;

export interface LineProps {
  /** Times in epoch seconds, and the values at them. */
  readonly data: readonly [times: number[], values: number[]];
  /** Says in a sentence what the line shows. */
  readonly summary: string;
}

/** A line over time, which fills its place. */
export function Line({ data, summary }: LineProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<UPlot>(undefined);
  const latest = useRef(data);
  latest.current = data;
  const format = useFormat();
  const scheme = useComputedColorScheme('light');
  // It is drawn on a canvas, so another theme or language is another drawing.
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const color = (name: string): string => getComputedStyle(element).getPropertyValue(name).trim();
    const axis = {
      stroke: color('--lc-soft'),
      grid: { stroke: color('--lc-line'), width: 1 },
      ticks: { show: false },
    };
    const drawn = new UPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: { y: { range: (_self, _min, max) => [0, Math.max(4, Math.ceil(max * 1.1))] } },
        axes: [
          { ...axis, values: (_self, times) => times.map((time) => format.time(time * 1_000)), space: 90 },
          {
            ...axis,
            values: (_self, counts) =>
              counts.map((count) => (Number.isInteger(count) ? format.number(count) : '')),
            size: 60,
          },
        ],
        series: [
          {},
          {
            stroke: color('--lc-accent'),
            width: 2,
            fill: `${color('--lc-accent')}22`,
            points: { show: false },
          },
        ],
      },
      latest.current as [number[], number[]],
      element,
    );
    plot.current = drawn;
    const resized = new ResizeObserver(() => drawn.setSize({ width: element.clientWidth, height: HEIGHT }));
    resized.observe(element);
    return () => {
      resized.disconnect();
      drawn.destroy();
      plot.current = undefined;
    };
  }, [format, scheme]);
  useEffect(() => plot.current?.setData(data as [number[], number[]]), [data]);
  return <div ref={place} className="lc-line" role="img" aria-label={summary} />;
}
