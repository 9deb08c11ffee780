/**
 * Something that ends a moment after its last user, so that effects which React runs twice, and a user that follows on
 * another, do not interrupt it. Gives what lets a user in, which gives what lets it out.
 */
export function lingering(end: () => void): () => () => void {
  let users = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    users += 1;
    clearTimeout(timer);
    return () => {
      users -= 1;
      if (users === 0) timer = setTimeout(end);
    };
  };
}
