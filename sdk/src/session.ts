import { uuid7 } from "./ids";
import { read, write } from "./storage";

/** A session ends after this time without an event, in milliseconds. */
export const GAP = 18e5;
const NAME = "tw_s";

/** The end of a session: none yet, the closing of its last tab (which may come back), or a sign-out. */
export const OPEN = 0;
export const LEFT = 1;
export const SIGNED_OUT = 2;

/** The session that this browser's tabs share: its id, its last event, its user, and how it ended. */
type Session = [id: string, at: number, user: string, ended: number];

let own: Session | undefined;

/** The current session, without extending it. */
export function current(): Session | undefined {
  try {
    return JSON.parse(read(NAME) as string);
  } catch {
    return own;
  }
}

/**
 * The id of the session that an event belongs to: a new one after 30 minutes without an event in any tab, after an
 * end, and when another user takes over. `ends` says that it is the session's last event.
 */
export function sessionOf(at: number, user = "", ends = OPEN): string {
  const last = current();
  const goesOn = last && !last[3] && at - last[1] < GAP && !(last[2] && user && last[2] !== user);
  const now: Session = [goesOn ? last[0] : uuid7(at), at, user || (goesOn ? last[2] : ""), ends];
  // Writing a cookie costs more than the rest of an event, so it is written at most once a second.
  if (!goesOn || ends || at - last[1] > 999 || now[2] !== last[2]) write(NAME, JSON.stringify(now));
  own = now;
  return now[0];
}

/** Reopen a session that was ended by the closing of its last tab, because this tab came back. */
export function reopen(): void {
  const last = current();
  if (last?.[3] !== LEFT) return;
  last[3] = OPEN;
  write(NAME, JSON.stringify(last));
}

/** Delete the session. */
export function forget(): void {
  own = undefined;
  write(NAME, "");
}
