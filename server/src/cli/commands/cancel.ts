import { defineCommand, EXIT } from '../command.js';
import { idArgument } from '../ids.js';
import { API_OPTIONS, type ApiCommandOptions, apiOf } from '../options.js';
import { print, printJson } from '../terminal.js';
import { count } from '../words.js';

export const cancel = defineCommand<ApiCommandOptions>({
  usage: 'cancel <order>',
  summary: 'call an order off before its deadline',
  group: 'Act',
  options: [...API_OPTIONS],
  more: 'Everybody who was warned is told. Who has been logged off stays so; once the order closes it cannot be called off.',
  async run({ terminal, args: [id = ''], options }) {
    const order = await apiOf(terminal, options).cancelOrder(idArgument(id, 'order'));
    if (options.json) printJson(terminal, order);
    else {
      const { targeted, ended } = order.counts;
      print(terminal.stdout, `Cancelled: ${count(targeted - ended, 'session goes', 'sessions go')} on.`);
    }
    return EXIT.ok;
  },
});
