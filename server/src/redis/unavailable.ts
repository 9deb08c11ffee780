/** Redis is out of reach, or refuses all work for now: nothing is wrong with the command. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
  /** The part of the message that differs. */
  readonly reason: string;
  /** The answer was lost, not necessarily the command: Redis may have run it. */
  readonly mayHaveRun: boolean;

  constructor(reason: string, options: { mayHaveRun: boolean; cause?: unknown }) {
    super(`Redis is out of reach: ${reason}`, { cause: options.cause });
    this.reason = reason;
    this.mayHaveRun = options.mayHaveRun;
  }
}

/** First words of Redis' own refusals that pass by themselves or need an operator, whatever the command was. */
const REFUSALS =
  /^(?:LOADING|MASTERDOWN|READONLY|NOREPLICAS|CLUSTERDOWN|TRYAGAIN|BUSY|MISCONF|OOM|NOAUTH|WRONGPASS)\b/;
/** The client's words for a command it did not send. */
const UNSENT = /isn't writeable|isn't ready/;
/** The client's words for a command that was sent and not answered. */
const UNANSWERED =
  /^(?:Command timed out|Connection is closed|Reached the max retries|Command aborted|Cluster is ended|Socket timeout|Too many Cluster redirections|Failed to refresh slots cache)/;

/** Its words for one that was not answered within its limit. */
const LATE = 'Command timed out';

/** Turns a failure of the connection into a {@link StoreUnavailableError}; any other error stays what it is. */
export function asStoreError(error: Error): Error {
  if (error instanceof StoreUnavailableError) return error;
  const { message } = error;
  if (error.name === 'ReplyError') {
    return REFUSALS.test(message)
      ? new StoreUnavailableError(message, { mayHaveRun: false, cause: error })
      : error;
  }
  if (UNSENT.test(message)) {
    return new StoreUnavailableError('there is no connection', { mayHaveRun: false, cause: error });
  }
  if (UNANSWERED.test(message) || 'syscall' in error) {
    return new StoreUnavailableError(unansweredReason(message), { mayHaveRun: true, cause: error });
  }
  return error;
}

/** True for a command that was not answered within its limit. */
export function isLate(error: Error): boolean {
  return error.message.startsWith(LATE);
}

/** True for every failure that only says that Redis is out of reach. */
export function isUnavailable(error: unknown): boolean {
  return error instanceof Error && asStoreError(error) instanceof StoreUnavailableError;
}

function unansweredReason(message: string): string {
  if (message.startsWith(LATE)) return 'it did not answer in time';
  if (/^(?:Reached the max retries|Connection is closed|Command aborted)/.test(message)) {
    return 'the connection was lost before it answered';
  }
  return message;
}
