/** One short sentence at the bottom of the page, with an undo button if the action can be undone. */

import { createContext, type ReactNode, useContext, useEffect, useState } from "react";
import { Problem } from "../client/api";
import { t } from "../language";

interface Said {
  text: string;
  undo?: () => void;
}

const ToastContext = createContext<(said: Said) => void>(() => undefined);

/** Shows the result of an action; `undo` can undo it for ten seconds. */
export function useToast(): (text: string, undo?: () => void) => void {
  const say = useContext(ToastContext);
  return (text, undo) => say({ text, undo });
}

export function Toasts({ children }: { children: ReactNode }) {
  const [toast, setSaid] = useState<Said>();
  useEffect(() => {
    if (toast === undefined) return;
    const timer = setTimeout(() => setSaid(undefined), toast.undo ? 10_000 : 4_000);
    return () => clearTimeout(timer);
  }, [toast]);
  // What the server refuses of an action whose caller shows no refusal of its own.
  useEffect(() => {
    const refused = ({ reason }: PromiseRejectionEvent) => {
      if (reason instanceof Problem) setSaid({ text: reason.message });
    };
    window.addEventListener("unhandledrejection", refused);
    return () => window.removeEventListener("unhandledrejection", refused);
  }, []);
  return (
    <ToastContext value={setSaid}>
      {children}
      <div
        role="status"
        aria-live="polite"
        className="no-print pointer-events-none fixed inset-x-0 bottom-4 z-50 flex justify-center px-4"
      >
        {toast && (
          <p className="pointer-events-auto flex items-center gap-4 rounded-xl border border-line bg-raised px-4 py-2.5 shadow-lg">
            {toast.text}
            {toast.undo && (
              <button
                type="button"
                className="font-medium text-accent underline-offset-4 hover:underline"
                onClick={() => {
                  toast.undo?.();
                  setSaid(undefined);
                }}
              >
                {t("Undo")}
              </button>
            )}
          </p>
        )}
      </div>
    </ToastContext>
  );
}
