import { defineCommand, EXIT } from '../command.js';
import { follow } from '../follow.js';
import { idArgument } from '../ids.js';
import { API_OPTIONS, type ApiCommandOptions, apiOf } from '../options.js';
import { isVerified, printChecks, printWarned, summaryOf } from '../receipts.js';
import { print, printJson } from '../terminal.js';

/** Longest list of receipts that is fetched: the largest tenant. */
export const MAX_RECEIPTS = 100_000;

export const verify = defineCommand<ApiCommandOptions & { readonly wait?: true }>({
  usage: 'verify <order>',
  summary: 'prove that everybody an order was for is gone',
  group: 'Act',
  options: [{ flags: '--wait', help: 'Wait until every receipt is decided.' }, ...API_OPTIONS],
  more: [
    'Each receipt has four checks: the session is ended in the registry, no broker has a live socket of it, it holds',
    'no lock, and it is refused when it comes back. Exit codes: 0 all verified, 3 some are not (yet).',
  ].join('\n'),
  async run({ terminal, args: [text = ''], options }) {
    const id = idArgument(text, 'order');
    const api = apiOf(terminal, options);
    const found = await api.order(id);
    // Only the broker knows the instant; this machine's clock is good enough for a display.
    const order = options.wait ? await follow(terminal, api, found, found.deadlineAt - Date.now()) : found;
    const { items } = await api.receipts(id, MAX_RECEIPTS);
    const proved =
      order.action === 'warn' ? order.counts.delivered === order.counts.targeted : isVerified(order);
    if (options.json) printJson(terminal, { order, receipts: items });
    else {
      if (order.action === 'warn') printWarned(terminal, items);
      else printChecks(terminal, items);
      print(terminal.stderr, summaryOf(terminal, order));
    }
    return proved ? EXIT.ok : EXIT.unverified;
  },
});
