import { Select } from '@mantine/core';
import { useMemo, useState } from 'react';
import { useConsole, useFeed, useNow } from '../../data/context.js';
import { useCall } from '../../data/use-call.js';
import { useFormat, useText } from '../../i18n/context.js';
import { termsText } from '../../i18n/terms/index.js';
import { Facts } from '../../parts/facts.js';
import { Card, Failure } from '../../parts/page.js';
import { Line } from './line.js';
import { endsByReason, inOverTime, type Past, pastOf, quantile, waitsOf, withNews } from './past.js';
import { overviewText } from './text/index.js';

const HOUR = 3_600_000;
const SPANS = [HOUR, 8 * HOUR, 24 * HOUR, 7 * 24 * HOUR] as const;
/** How often what is shown moves on, in milliseconds. */
const MOVES_MS = 5_000;

function Sessions({ past, cut }: { readonly past: Past; readonly cut: string }) {
  const say = useText(overviewText);
  const format = useFormat();
  const { sessions } = useFeed('sessions');
  const count = sessions.size;
  const data = useMemo(() => inOverTime(past, count), [past, count]);
  const [, counts] = data;
  const most = Math.max(...counts);
  const summary = say('lineSays', { now: format.number(count), most: format.number(most) });
  return (
    <Card title={say('overTime')}>
      <Line data={data} summary={summary} />
      <p className="lc-hint">{[summary, past.opened.isCut || past.ended.isCut ? cut : ''].join(' ')}</p>
    </Card>
  );
}

function Ends({ past, cut }: { readonly past: Past; readonly cut: string }) {
  const say = useText(overviewText);
  const term = useText(termsText);
  const format = useFormat();
  const ends = useMemo(() => endsByReason(past), [past]);
  const [, most = 1] = ends[0] ?? [];
  return (
    <Card title={say('ends')}>
      {ends.length === 0 && <p className="lc-soft">{say('noEnds')}</p>}
      <ul className="lc-reasons">
        {ends.map(([reason, count]) => (
          <li key={reason}>
            <span>{term(`reason.${reason}`)}</span>
            <b>{format.number(count)}</b>
            <progress className="lc-bar" max={most} value={count} aria-label={term(`reason.${reason}`)} />
          </li>
        ))}
      </ul>
      {past.ended.isCut && <p className="lc-hint">{cut}</p>}
    </Card>
  );
}

function Waits({ past, cut }: { readonly past: Past; readonly cut: string }) {
  const say = useText(overviewText);
  const format = useFormat();
  const waits = useMemo(() => waitsOf(past), [past]);
  const time = (share: number): string => {
    const ms = quantile(waits, share);
    return ms < 1_000 ? `${format.number(Math.round(ms))} ms` : format.duration(ms);
  };
  return (
    <Card title={say('waits')}>
      <Facts
        rows={[
          [say('granted'), format.number(past.granted.records.length)],
          [say('waited'), format.number(waits.length)],
          ...(waits.length === 0
            ? []
            : [
                [say('median'), time(0.5)] as const,
                [say('most95'), time(0.95)] as const,
                [say('longest'), time(1)] as const,
              ]),
        ]}
      />
      {past.granted.isCut && <p className="lc-hint">{cut}</p>}
    </Card>
  );
}

/** What was the case over a span of time. */
export function History() {
  const say = useText(overviewText);
  const term = useText(termsText);
  const { api, feed } = useConsole();
  const { records } = useFeed('records');
  const format = useFormat();
  const now = useNow(MOVES_MS);
  const [span, setSpan] = useState<number>(HOUR);
  const { value, error, again } = useCall(String(span), (signal) => {
    const to = Math.round(feed.clock.now());
    return pastOf(api, to - span, to, signal);
  });
  const past = useMemo(() => value && withNews(value, records, now), [value, records, now]);
  const cut = say('cut');
  return (
    <>
      <div className="lc-filters">
        <Select
          label={say('span')}
          data={SPANS.map((ms) => ({ value: String(ms), label: format.duration(ms) }))}
          value={String(span)}
          onChange={(ms) => setSpan(Number(ms))}
          allowDeselect={false}
        />
      </div>
      <Failure error={error} onRetry={again} />
      {!past && error === undefined && <p>{term('loading')}</p>}
      {past && (
        <>
          <Sessions past={past} cut={cut} />
          <div className="lc-columns">
            <Ends past={past} cut={cut} />
            <Waits past={past} cut={cut} />
          </div>
        </>
      )}
    </>
  );
}
