import { useQuery } from "@tanstack/react-query";
import { hub } from "../api";

/** All exports; asked again every second while one of them is being made. */
export function useExports(enabled = true) {
  return useQuery({
    queryKey: ["exports"],
    queryFn: hub.exports,
    enabled,
    refetchInterval: (query) => (query.state.data?.some((each) => each.state === "working") ? 1000 : 15_000),
  });
}
