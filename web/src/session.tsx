// Who is signed in, and under which grant they look.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { hub, HubError, whenSignedOut, type Grant, type Session } from "./api";

interface SessionState {
  session: Session | null;
  waiting: boolean;
  /** The hub could not be asked at all. */
  error: Error | null;
  entered: (session: Session) => void;
  leave: () => Promise<void>;
}

const SessionContext = createContext<SessionState | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const query = useQuery<Session | null>({
    queryKey: ["session"],
    queryFn: async () => {
      try {
        return await hub.session();
      } catch (error) {
        if (error instanceof HubError && error.status === 401) return null;
        throw error;
      }
    },
    staleTime: 60_000,
    retry: 2,
    refetchOnWindowFocus: true,
  });
  useEffect(() => whenSignedOut(() => client.setQueryData(["session"], null)), [client]);

  const entered = useCallback((session: Session) => client.setQueryData(["session"], session), [client]);
  const leave = useCallback(async () => {
    try {
      const { url } = await hub.signOut();
      if (url) window.location.assign(url);
    } finally {
      client.clear();
      client.setQueryData(["session"], null);
    }
  }, [client]);

  const state = useMemo<SessionState>(
    () => ({ session: query.data ?? null, waiting: query.isPending, error: query.error, entered, leave }),
    [query.data, query.isPending, query.error, entered, leave],
  );
  return <SessionContext.Provider value={state}>{children}</SessionContext.Provider>;
}

export function useSession(): SessionState {
  const state = useContext(SessionContext);
  if (!state) throw new Error("useSession outside SessionProvider");
  return state;
}

export function rolesOf(session: Session | null): string[] {
  return session?.user.roles ?? [];
}

export function personName(session: Session | null): string {
  return session?.user.display || session?.user.name || "";
}

interface GrantState {
  /** The one that pictures are shown under. Null: no picture. */
  grant: Grant | null;
  grants: Grant[];
  waiting: boolean;
  error: Error | null;
  choose: (id: string) => void;
  /** Ask the hub which grants still stand. */
  again: () => void;
}

const GrantContext = createContext<GrantState | null>(null);
const CHOSEN = "belvedere.grant";

export function GrantProvider({ children }: { children: ReactNode }) {
  const client = useQueryClient();
  const [chosen, setChosen] = useState(() => sessionStorage.getItem(CHOSEN) ?? "");
  const query = useQuery({ queryKey: ["grants"], queryFn: hub.grants, refetchInterval: 3_000, refetchOnWindowFocus: true });
  const grants = useMemo(() => query.data ?? [], [query.data]);
  const found = grants.find((grant) => grant.id === chosen) ?? grants.find((grant) => grant.purpose === "duty") ?? grants[0];
  const id = found?.id;
  // The hub may answer with a fresh object each time; pages depend on the identity of the grant, not of the answer.
  const text = found ? JSON.stringify(found) : "";
  const grant = useMemo(() => (text ? (JSON.parse(text) as Grant) : null), [text]);

  const choose = useCallback((next: string) => {
    sessionStorage.setItem(CHOSEN, next);
    setChosen(next);
  }, []);
  const again = useCallback(() => void client.invalidateQueries({ queryKey: ["grants"] }), [client]);

  // The hub ends it to the second; so does this page.
  useEffect(() => {
    if (!grant) return;
    const left = grant.expires_us / 1000 - Date.now();
    if (left > 2 ** 31 - 1) return;
    const timer = window.setTimeout(again, Math.max(0, left) + 500);
    return () => window.clearTimeout(timer);
  }, [id, grant, again]);

  const state = useMemo<GrantState>(
    () => ({ grant, grants, waiting: query.isPending, error: query.error, choose, again }),
    [grant, grants, query.isPending, query.error, choose, again],
  );
  return <GrantContext.Provider value={state}>{children}</GrantContext.Provider>;
}

export function useGrant(): GrantState {
  const state = useContext(GrantContext);
  if (!state) throw new Error("useGrant outside GrantProvider");
  return state;
}
