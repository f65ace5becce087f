/** The live stream of arriving events: the newest ones only; it reconnects automatically. */
import { useEffect, useRef, useState } from "react";
import type { EventRow } from "./api";

const MOST = 300;

export interface Arrived extends EventRow {
  received_at: string;
}

/** The newest events of a stream, the newest first; while `paused`, arriving events wait. */
export function useStream(path: string, paused: boolean) {
  const [events, setEvents] = useState<Arrived[]>([]);
  const [waiting, setWaiting] = useState<Arrived[]>([]);
  const [connected, setConnected] = useState(false);
  const held = useRef<Arrived[]>([]);
  const stopped = useRef(paused);
  stopped.current = paused;

  useEffect(() => {
    setEvents([]);
    held.current = [];
    const source = new EventSource(`/api/v1${path}`);
    source.onopen = () => setConnected(true);
    // The browser reconnects by itself, and sends the id of the last event that it received.
    source.onerror = () => setConnected(false);
    source.onmessage = (message) => {
      if (!message.data) return;
      const arrived: Arrived[] = JSON.parse(message.data);
      held.current = [...arrived.reverse(), ...held.current].slice(0, MOST);
      if (stopped.current) setWaiting(held.current);
      else {
        const fresh = held.current;
        held.current = [];
        setEvents((old) => [...fresh, ...old].slice(0, MOST));
      }
    };
    return () => source.close();
  }, [path]);

  useEffect(() => {
    if (paused || held.current.length === 0) return;
    const fresh = held.current;
    held.current = [];
    setWaiting([]);
    setEvents((old) => [...fresh, ...old].slice(0, MOST));
  }, [paused]);

  return { events, waiting, connected };
}
