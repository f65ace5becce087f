/** The frame of all dialogs. */

import { Dialog } from "radix-ui";
import type { ReactNode } from "react";
import { t } from "../language";

export const primary = "rounded-lg bg-accent px-4 py-1.5 font-medium text-card disabled:opacity-50";
export const quiet = "rounded-lg border border-line px-3 py-1.5 hover:border-accent";
export const field = "mt-1 block min-h-9 w-full rounded-lg border border-line bg-card px-2.5";

export function Framed(props: {
  title: string;
  trigger?: ReactNode;
  children: ReactNode;
  open?: boolean;
  change?: (open: boolean) => void;
  footer?: ReactNode;
}) {
  return (
    <Dialog.Root open={props.open} onOpenChange={props.change}>
      {props.trigger && <Dialog.Trigger asChild>{props.trigger}</Dialog.Trigger>}
      <Dialog.Portal>
        <Dialog.Overlay className="fixed inset-0 z-40 bg-black/40" />
        <Dialog.Content
          className="fixed top-1/2 left-1/2 z-50 flex max-h-[85vh] w-[min(46rem,94vw)] -translate-x-1/2 -translate-y-1/2 flex-col rounded-xl border border-line bg-raised p-5 shadow-xl"
          aria-describedby={undefined}
        >
          <Dialog.Title className="text-base font-semibold">{props.title}</Dialog.Title>
          <div className="mt-3 min-h-0 flex-1 overflow-auto">{props.children}</div>
          <div className="mt-4 flex justify-end gap-2">
            {props.footer}
            <Dialog.Close className={quiet}>{t("Close")}</Dialog.Close>
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
