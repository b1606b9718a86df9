// In the demo, who has no passkey confirms with a code that its terminal shows. The dialog is `StepUpCode`; this is what it hears.

import { call, HubError } from "../api";

export interface CodeAsked {
  /** Settles it: raises what the hub says of a wrong code. */
  give: (code: string) => Promise<void>;
  /** Has the terminal show another one. */
  another: () => Promise<void>;
  /** The person would rather not. */
  leave: () => void;
}

let listener: ((asked: CodeAsked | null) => void) | null = null;

/** The dialog that is on the page. */
export function onCodeAsked(heard: (asked: CodeAsked | null) => void): () => void {
  listener = heard;
  return () => {
    if (listener === heard) listener = null;
  };
}

/** Waits until the code was typed, for the act that `question` is about. `again` begins anew. */
export function confirmByCode(question: string, again: () => Promise<{ id: string }>): Promise<void> {
  return new Promise((resolve, reject) => {
    const tell = listener;
    if (!tell) {
      reject(new HubError(0, "passkey", "This has to be confirmed with a passkey, and you have none.", "Add one under Settings."));
      return;
    }
    let id = question;
    tell({
      give: async (code) => {
        await call("POST", "/api/step-up/code", { id, code });
        tell(null);
        resolve();
      },
      another: async () => {
        id = (await again()).id;
      },
      leave: () => {
        tell(null);
        reject(new HubError(0, "passkey", "It was not confirmed.", "Nothing was changed. Try again when you have the code."));
      },
    });
  });
}
