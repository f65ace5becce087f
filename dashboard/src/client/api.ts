/** Requests to the API; `generated.ts` has the types of its answers. */

import { t } from "../language";
import type { Me, Reply, SourceRow } from "./generated";

/** The reply to a question, with the data of its answer. */
export type Asked<Data> = Omit<Reply, "data" | "before"> & { data: Data; before?: { data: Data } };
/** A source with all columns and metrics; an answer has those that the question asks for. */
export type Source = Required<SourceRow>;
export type * from "./generated";
export type {
  BoardShown as Board,
  ConnectionShown as Connection,
  JobShown as Job,
  KeyShown as Key,
  LetterShown as DeadLetter,
  LettersShown as DeadLetters,
  ProjectShown as Project,
  SegmentShown as Segment,
  SharedBoard as Shared,
  ShareShown as Share,
  TransferShown as Transfer,
  WatchShown as Watch,
} from "./generated";

/** A refusal of the server, with the server's text. */
export class Problem extends Error {
  constructor(
    readonly status: number,
    detail: string,
    /** The invalid parts of the request. */
    readonly fields: string[] = [],
  ) {
    super(detail);
  }
}

let csrf = "";
let slowest = 0;
let token: string | undefined;
let expired = () => undefined as unknown;

/** Authenticates all further requests as an account, by its token alone; `onExpired` is called when the token is refused. */
export function authenticateByToken(accountToken: string, onExpired: () => unknown): void {
  token = accountToken;
  expired = onExpired;
}

/** The interval of requests for new data, in ms: a few seconds, or ten times the duration of the slowest recent question. */
export function pollInterval(): number {
  return Math.min(60_000, Math.max(3_000, slowest * 10));
}

async function call<Result>(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Result> {
  const response = await answered(method, path, body, signal);
  return response.status === 204 ? (undefined as Result) : response.json();
}

async function answered(
  method: string,
  path: string,
  body?: unknown,
  signal?: AbortSignal,
): Promise<Response> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (token !== undefined) headers.authorization = `Bearer ${token}`;
  else if (method !== "GET") headers["x-csrf-token"] = csrf;
  const started = performance.now();
  let response: Response;
  try {
    response = await fetch(`/api/v1${path}`, {
      method,
      headers,
      credentials: token !== undefined ? "omit" : "same-origin",
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem(0, t("The server cannot be reached. This page reconnects when it is available again."));
  }
  slowest = Math.max(slowest * 0.9, performance.now() - started);
  if (!response.ok) {
    const content = await response.json().catch(() => undefined);
    if (token !== undefined && response.status === 401) expired();
    throw refused(response.status, content);
  }
  return response;
}

function refused(
  status: number,
  content: { detail?: string; errors?: { field: string }[] } | undefined,
): Problem {
  const detail = content?.detail ?? t("The server answered {status}.", { status: String(status) });
  return new Problem(
    status,
    detail,
    (content?.errors ?? []).map((error) => error.field),
  );
}

export const api = {
  get: <Result>(path: string) => call<Result>("GET", path),
  post: <Result>(path: string, body: unknown) => call<Result>("POST", path, body),
  /** Asks a question; when its page is left, the server stops working on it. */
  ask: <Result>(path: string, body: unknown, signal: AbortSignal) => call<Result>("POST", path, body, signal),
  /** Downloads the answer to a question as a file. */
  file: async (path: string, body: unknown) => (await answered("POST", path, body)).blob(),
  /** Sends a file; `onProgress` receives the share of it that has been sent, 0 to 1. */
  upload: <Result>(path: string, file: Blob, onProgress: (share: number) => void = () => {}) =>
    new Promise<Result>((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", `/api/v1${path}`);
      request.setRequestHeader("x-csrf-token", csrf);
      request.setRequestHeader("content-type", "application/octet-stream");
      request.responseType = "json";
      request.upload.onprogress = ({ loaded, total }) => onProgress(total > 0 ? loaded / total : 0);
      request.onerror = () =>
        reject(
          new Problem(0, t("The server cannot be reached. This page reconnects when it is available again.")),
        );
      request.onload = () =>
        request.status < 300
          ? resolve(request.response as Result)
          : reject(refused(request.status, request.response));
      request.send(file);
    }),
  put: <Result>(path: string, body: unknown) => call<Result>("PUT", path, body),
  remove: (path: string) => call<void>("DELETE", path),
  patch: <Result>(path: string, body: unknown) => call<Result>("PATCH", path, body),
  me: async () => remember(await call<Me>("GET", "/me")),
  signOut: () => call<void>("POST", "/sign-out", {}),
};

function remember(me: Me): Me {
  csrf = me.csrf;
  return me;
}
