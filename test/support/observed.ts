import { freshTenant, TestBroker } from './broker.js';
import { type Observer, observer, testStore } from './redis.js';

/** A broker, a look into its Redis, and a tenant that each test gets anew. */
export class Observed {
  broker!: TestBroker;
  redis!: Observer;
  tenant = '';
}

/** For the top of a suite: fills in and takes away what is observed. */
export function observing<T extends Observed>(observed: T): T {
  before(async () => {
    observed.broker = await TestBroker.start();
    observed.redis = await observer((await testStore()).url);
  });
  after(async () => {
    observed.redis?.destroy();
    await observed.broker?.close();
  });
  beforeEach(() => {
    observed.tenant = freshTenant();
  });
  return observed;
}
